'use strict';

const { move } = require('piscina');

const tasks = require('./tasks');

module.exports = { ...tasks, moved: (bytes) => move(bytes) };

'use strict';

const { Transfer, worker } = require('workerpool');

const tasks = require('./tasks');

worker({ ...tasks, moved: (bytes) => new Transfer(bytes, [bytes.buffer]) });

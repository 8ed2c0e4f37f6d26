// Makes a clone ready to run: dependencies, addon, TypeScript. Does only what is out of date.
'use strict';

const { prepare } = require('./lib/prepare');
const { main } = require('./lib/run');

main(prepare);

// Small messages from one producer to one consumer, from the first put to the last get.
'use strict';

const { compare } = require('./lib');

const COUNT = 15_000;

function run() {
  compare('queue', 'one producer, one consumer: millions a second', [
    ['Queue, integers', ['Queue', 'integer', COUNT]],
    ['Queue, objects { a, b, c }', ['Queue', 'object', COUNT]],
    ['SimpleQueue, integers', ['SimpleQueue', 'integer', COUNT]],
    ['SimpleQueue, objects { a, b, c }', ['SimpleQueue', 'object', COUNT]],
  ]);
  console.log('(C: what such a queue does by system calls, without a feeder thread; a struct)');
}

module.exports = { run };

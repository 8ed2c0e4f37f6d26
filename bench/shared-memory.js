// Filling and reading a segment of shared memory.
'use strict';

const { compare } = require('./lib');

const SIZE = 64 * 2 ** 20;

function run() {
  compare('shared-memory', 'SharedMemory of 64 MiB, GB/s', [
    ['fill with a byte', ['fill', SIZE]],
    ['copy into it', ['write', SIZE]],
    ['copy out of it', ['read', SIZE]],
  ]);
  console.log('(Python: assignment of memoryviews, which cannot fill)');
}

module.exports = { run };

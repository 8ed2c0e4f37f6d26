// Messages of 1 MiB in one direction.
'use strict';

const { compare } = require('./lib');

const COUNT = 40;

function run() {
  compare('bandwidth', 'messages of 1 MiB, GB/s', [
    ['Pipe(false), recvBytes', ['pipe', 'recvBytes', COUNT]],
    ['Pipe(false), recvBytesInto', ['pipe', 'recvBytesInto', COUNT]],
    ['Pipe(true), recvBytes', ['socket', 'recvBytes', COUNT]],
    ['Pipe(true), recvBytesInto', ['socket', 'recvBytesInto', COUNT]],
  ]);
}

module.exports = { run };

// shared-memory.js fill|write|read SIZE
'use strict';

const { SharedMemory } = require('multiproc');
const { now, report } = require('../lib');

const PASSES = 4;

const action = process.argv[2];
const size = Number(process.argv[3]);
const memory = new SharedMemory({ create: true, size });
const shared = memory.buf;
const own = Buffer.alloc(size, 1);
const actions = {
  fill: () => shared.fill(2),
  write: () => own.copy(shared),
  read: () => shared.copy(own),
};

try {
  report(() => {
    const begin = now();
    for (let i = 0; i < PASSES; i++) actions[action]();
    return (PASSES * size) / 1e6 / (now() - begin);
  });
} finally {
  memory.close();
  memory.unlink();
}

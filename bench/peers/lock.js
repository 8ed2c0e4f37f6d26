// lock.js CLASS COUNT
'use strict';

const { Lock, RLock, Semaphore } = require('multiproc');
const { now, report } = require('../lib');

const kind = process.argv[2];
const count = Number(process.argv[3]);
const lock = new { Lock, RLock, Semaphore }[kind]();

report(() => {
  const begin = now();
  for (let i = 0; i < count; i++) {
    lock.acquire();
    lock.release();
  }
  return count / 1e3 / (now() - begin);
});

// contended.js PROCESSES COUNT
'use strict';

const { Lock, Process, Semaphore, SharedMemory } = require('multiproc');
const { now, report } = require('../lib');

const [processes, count] = process.argv.slice(2).map(Number);
const lock = new Lock();
const [ready, gate] = [new Semaphore(0), new Semaphore(0)];
const memory = new SharedMemory({ create: true, size: 16 * (processes + 1) });
const { buffer, byteOffset } = memory.buf;
const counter = new Int32Array(buffer, byteOffset, 1);
const times = new Float64Array(buffer, byteOffset + 16, 2 * processes);

function countUp() {
  for (let i = 0; i < count; i++) {
    lock.acquire();
    counter[0]++;
    lock.release();
  }
}

function worker(index) {
  ready.release();
  gate.acquire();
  times[2 * index] = now();
  countUp();
  times[2 * index + 1] = now();
}

function together() {
  counter[0] = 0;
  const children = Array.from({ length: processes }, (_, index) => {
    const child = new Process({ target: worker, args: [index], daemon: true });
    child.start();
    return child;
  });
  for (let i = 0; i < processes; i++) ready.acquire();
  for (let i = 0; i < processes; i++) gate.release();
  for (const child of children) child.join();
  if (counter[0] !== processes * count) throw new Error(`counted ${counter[0]}`);
  const begin = Math.min(...times.filter((_, i) => i % 2 === 0));
  const end = Math.max(...times.filter((_, i) => i % 2 === 1));
  return (processes * count) / 1e3 / (end - begin);
}

try {
  countUp();
  report(together);
} finally {
  memory.close();
  memory.unlink();
}

// contended.js PROCESSES SECONDS
'use strict';

const { Lock, Process, Semaphore, SharedMemory } = require('multiproc');
const { now, report } = require('../lib');

const [processes, seconds] = process.argv.slice(2).map(Number);
/** Between two looks at the clock. */
const BATCH = 100;

const lock = new Lock();
const [ready, gate] = [new Semaphore(0), new Semaphore(0)];
const memory = new SharedMemory({ create: true, size: 8 + 4 * (1 + processes) });
const { buffer, byteOffset } = memory.buf;
const end = new Float64Array(buffer, byteOffset, 1);
const counter = new Int32Array(buffer, byteOffset + 8, 1);
const counts = new Int32Array(buffer, byteOffset + 12, processes);

function countUp() {
  let count = 0;
  for (; now() < end[0]; count += BATCH) {
    for (let i = 0; i < BATCH; i++) {
      lock.acquire();
      counter[0]++;
      lock.release();
    }
  }
  return count;
}

function worker(index) {
  ready.release();
  gate.acquire();
  counts[index] = countUp();
}

function together() {
  const children = Array.from(counts, (_, index) => {
    const child = new Process({ target: worker, args: [index], daemon: true });
    child.start();
    return child;
  });
  for (let i = 0; i < processes; i++) ready.acquire();
  counter[0] = 0;
  end[0] = now() + seconds * 1e3;
  for (let i = 0; i < processes; i++) gate.release();
  for (const child of children) child.join();
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (counter[0] !== total) throw new Error(`${counter[0]} instead of ${total}`);
  return total / seconds / 1e6;
}

try {
  // The children inherit what V8 compiles here.
  end[0] = now() + 50;
  countUp();
  report(together);
} finally {
  memory.close();
  memory.unlink();
}

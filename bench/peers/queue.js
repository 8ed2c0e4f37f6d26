// queue.js Queue|SimpleQueue integer|object COUNT
'use strict';

const { Process, Queue, Semaphore, SimpleQueue } = require('multiproc');
const { now, report, RUNS } = require('../lib');

const [kind, content] = process.argv.slice(2);
const count = Number(process.argv[4]);
const queue = new { Queue, SimpleQueue }[kind]();
const go = new Semaphore(0);

function produce() {
  for (let run = 0; run < RUNS; run++) {
    go.acquire();
    for (let i = 0; i < count; i++)
      queue.put(content === 'integer' ? i : { a: i, b: 'two', c: 3.5 });
  }
}

const child = new Process({ target: produce, daemon: true });
child.start();
report(() => {
  const begin = now();
  go.release();
  for (let i = 0; i < count; i++) queue.get();
  return count / 1e3 / (now() - begin);
});
child.join();

// Start and join of an empty function, against the other ways to have one.
'use strict';

const { fork } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');
const { Process } = require('multiproc');

const { compiled, jsonOf, median, table, time } = require('./lib');

const empty = join(__dirname, 'peers', 'empty.js');

function startAndJoin() {
  const process = new Process({ target() {} });
  process.start();
  process.join();
  if (process.exitcode !== 0) throw new Error(`${process}`);
  process.close();
}

/** Peers take turns in short rounds, so that what disturbs the machine disturbs all of them. */
async function run() {
  const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20);
  const c = compiled('start');
  const peers = {
    'C: fork, same resident size': () => c && jsonOf(c, [String(megabytes), '20']),
    "Python's Process (fork)": () =>
      jsonOf('python3', [join(__dirname, 'peers', 'start.py'), '20']),
    'multiproc Process': () => repeat(20, startAndJoin),
    worker_threads: () => repeat(3, () => once(new Worker(empty), 'exit')),
    'child_process.fork': () => repeat(3, () => once(fork(empty), 'exit')),
  };
  startAndJoin();
  const times = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
  for (let round = 0; round < 15; round++) {
    for (const [name, peer] of Object.entries(peers)) times[name].push(...((await peer()) || []));
  }
  const own = median(times['multiproc Process']);
  table([
    ['start + join, empty function', 'median ms', 'times multiproc'],
    ...Object.entries(times)
      .filter(([, values]) => values.length > 0)
      .map(([name, values]) => [
        name,
        median(values).toFixed(2),
        (median(values) / own).toFixed(2),
      ]),
  ]);
  console.log(`(resident: ${megabytes} MB)`);
}

async function repeat(count, action) {
  const times = [];
  for (let i = 0; i < count; i++) times.push(await time(action));
  return times;
}

module.exports = { run };

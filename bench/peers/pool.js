// pool.js TASKS LONG-TASKS ITERATIONS BUFFERS SIZE WORKERS
'use strict';

const { Pool } = require('multiproc');
const { time } = require('../lib');
const {
  check,
  incremented,
  inLanes,
  perSecond,
  seconds,
  thousandsASecond,
} = require('./pool/measure');
const { echo, increment, work } = require('./pool/tasks');

const [count, longTasks, iterations, buffers, size, workers] = process.argv.slice(2).map(Number);
const bytes = new Uint8Array(size).fill(7);
const range = (length) => Array.from({ length }, (_, i) => i);
const sameBytes = (length) => Array(length).fill(bytes);

async function measure(pool) {
  const map = (length) => {
    check(pool.map(increment, range(length)).every(incremented), 'map');
  };
  const singly = async (length) => {
    const results = await Promise.all(range(length).map((x) => pool.applyAsync(increment, [x])));
    check(results.every(incremented), 'applyAsync');
  };
  const mapOne = (length) => {
    check(pool.map(increment, range(length), 1).every(incremented), 'map by one');
  };
  const imap = (length) => {
    check([...pool.imap(increment, range(length))].every(incremented), 'imap');
  };
  const long = (length) => pool.map(work, Array(length).fill(iterations), 1);
  const sent = (length) =>
    inLanes(4 * workers, length, async () => {
      check((await pool.applyAsync(echo, [bytes])).length === size, 'echo');
    });
  const sentByImap = (length) => {
    for (const result of pool.imap(echo, sameBytes(length))) check(result.length === size, 'echo');
  };
  const results = {
    map: await thousandsASecond(map, count, count),
    singly: await thousandsASecond(singly, count),
    mapOne: await thousandsASecond(mapOne, count),
    imap: await thousandsASecond(imap, count),
    long: await seconds(long, longTasks),
    sent: await perSecond(sent, buffers),
    sentByImap: await perSecond(sentByImap, buffers),
  };
  const serially = await time(() => Array(longTasks).fill(iterations).map(work));
  return { ...results, speedup: serially / 1000 / results.long };
}

async function main() {
  const pool = new Pool(workers);
  console.log(JSON.stringify(await measure(pool)));
  pool.close();
  pool.join();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

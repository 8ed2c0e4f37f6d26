// pool.js Pool|ProcessPoolExecutor TASKS LONG-TASKS ITERATIONS BUFFERS SIZE WORKERS
'use strict';

const { Pool, ProcessPoolExecutor, SharedMemory } = require('multiproc');
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

const [kind] = process.argv.slice(2);
const [count, longTasks, iterations, buffers, size, workers] = process.argv.slice(3).map(Number);
const bytes = new Uint8Array(size).fill(7);
/** The input is made once: that takes longer than some of the work. */
const inputs = Array.from({ length: count }, (_, i) => i);
const range = (length) => inputs.slice(0, length);
const sameBytes = (length) => Array(length).fill(bytes);

/** Shows that the memory is the same. */
function reverseEnds(memory) {
  const { buf } = memory;
  [buf[0], buf[buf.length - 1]] = [buf[buf.length - 1], buf[0]];
  memory.close();
}

async function measurePool(pool) {
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
  const lanes = Array.from({ length: 4 * workers }, () => {
    return new SharedMemory({ create: true, size });
  });
  const moved = (length) =>
    inLanes(lanes.length, length, async (lane) => {
      const { buf } = lanes[lane];
      buf[0] = 7;
      await pool.applyAsync(reverseEnds, [lanes[lane]]);
      check(buf[size - 1] === 7, 'shared memory');
    });
  const results = {
    map: await thousandsASecond(map, count, count),
    singly: await thousandsASecond(singly, count),
    mapOne: await thousandsASecond(mapOne, count),
    imap: await thousandsASecond(imap, count),
    long: await seconds(long, longTasks),
    sent: await perSecond(sent, buffers),
    sentByImap: await perSecond(sentByImap, buffers),
    moved: await perSecond(moved, buffers),
  };
  for (const memory of lanes) {
    memory.close();
    memory.unlink();
  }
  const serially = await time(() => Array(longTasks).fill(iterations).map(work));
  return { ...results, speedup: serially / 1000 / results.long };
}

async function measureExecutor(executor) {
  const map = (length) => {
    const chunksize = Math.ceil(length / (4 * workers));
    check([...executor.map(increment, range(length), { chunksize })].every(incremented), 'map');
  };
  const singly = async (length) => {
    const results = await Promise.all(range(length).map((x) => executor.submit(increment, x)));
    check(results.every(incremented), 'submit');
  };
  const long = (length) => {
    check([...executor.map(work, Array(length).fill(iterations))].length === length, 'work');
  };
  const sent = (length) =>
    inLanes(4 * workers, length, async () => {
      check((await executor.submit(echo, bytes)).length === size, 'echo');
    });
  const sentByMap = (length) => {
    for (const result of executor.map(echo, sameBytes(length))) {
      check(result.length === size, 'echo');
    }
  };
  return {
    map: await thousandsASecond(map, count, count),
    singly: await thousandsASecond(singly, count),
    long: await seconds(long, longTasks),
    sent: await perSecond(sent, buffers),
    sentByImap: await perSecond(sentByMap, buffers),
  };
}

async function main() {
  if (kind === 'Pool') {
    const pool = new Pool(workers);
    console.log(JSON.stringify(await measurePool(pool)));
    pool.close();
    pool.join();
  } else {
    const executor = new ProcessPoolExecutor(workers);
    console.log(JSON.stringify(await measureExecutor(executor)));
    executor.shutdown();
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

// pool-threads.js PEER TASKS LONG-TASKS ITERATIONS BUFFERS SIZE WORKERS
'use strict';

const { join } = require('node:path');

const {
  check,
  incremented,
  inLanes,
  perSecond,
  seconds,
  thousandsASecond,
} = require('./pool/measure');

const [peer] = process.argv.slice(2);
const [count, longTasks, iterations, buffers, size, workers] = process.argv.slice(3).map(Number);
/** The input is made once, as in pool.js. */
const inputs = Array.from({ length: count }, (_, i) => i);
const file = (name) => join(__dirname, 'pool', name);

/** Each: how a task is run, `transfer` being what is moved instead of copied; and the end. */
const peers = {
  async piscina() {
    const { Piscina } = require('piscina');
    const filename = file('piscina.js');
    const pool = new Piscina({ filename, minThreads: workers, maxThreads: workers });
    return {
      run: (name, data, transferList) => pool.run(data, { name, transferList }),
      end: () => pool.destroy(),
      moves: true,
    };
  },
  async tinypool() {
    const { Tinypool } = await import('tinypool');
    const filename = file('tinypool.mjs');
    const pool = new Tinypool({ filename, minThreads: workers, maxThreads: workers });
    return {
      run: (name, data, transferList) => pool.run(data, { name, transferList }),
      end: () => pool.destroy(),
      moves: true,
    };
  },
  async workerpool() {
    const options = { minWorkers: workers, maxWorkers: workers, workerType: 'thread' };
    const pool = require('workerpool').pool(file('workerpool.js'), options);
    return {
      run: (name, data, transfer) => pool.exec(name, [data], { transfer }),
      end: () => pool.terminate(),
      moves: true,
    };
  },
  async poolifier() {
    const { FixedThreadPool } = require('poolifier');
    const pool = new FixedThreadPool(workers, file('poolifier.js'));
    return {
      run: (name, data) => pool.execute(data, name),
      end: () => pool.destroy(),
      // It has no way to move a result.
      moves: false,
    };
  },
};

async function measure({ run, moves }) {
  const singly = async (length) => {
    const results = await Promise.all(inputs.slice(0, length).map((x) => run('increment', x)));
    check(results.every(incremented), 'increment');
  };
  const long = (length) =>
    Promise.all(Array.from({ length }, () => iterations).map((n) => run('work', n)));
  const lanes = 4 * workers;
  const bytes = new Uint8Array(size).fill(7);
  const sent = (length) =>
    inLanes(lanes, length, async () => {
      check((await run('echo', bytes)).length === size, 'echo');
    });
  const own = Array.from({ length: lanes }, () => new Uint8Array(size).fill(7));
  const moved = (length) =>
    inLanes(lanes, length, async (lane) => {
      own[lane] = await run('moved', own[lane], [own[lane].buffer]);
      check(own[lane].length === size, 'moved');
    });
  return {
    singly: await thousandsASecond(singly, count),
    long: await seconds(long, longTasks),
    sent: await perSecond(sent, buffers),
    ...(moves && { moved: await perSecond(moved, buffers) }),
  };
}

async function main() {
  const pool = await peers[peer]();
  console.log(JSON.stringify(await measure(pool)));
  await pool.end();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

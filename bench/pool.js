// Pools of two workers: short tasks, long ones, large ones; against Python's pools and pools of
// threads.
'use strict';

const { join } = require('node:path');

const { jsonOf, median, python, table } = require('./lib');

const ROUNDS = 3;
const WORKERS = 2;
const TASKS = 10_000;
const LONG_TASKS = 64;
const MILLISECONDS = 20;
const BUFFERS = 1000;
const SIZE = 2 ** 20;

const peers = join(__dirname, 'peers');
const threads = ['piscina', 'tinypool', 'workerpool', 'poolifier'];

/** What the programs print. */
const rows = [
  ['map, x => x + 1: thousands a second', 'map'],
  ['one by one, awaited together: thousands a second', 'singly'],
  ['map, chunks of one: thousands a second', 'mapOne'],
  ['imap, chunks of one: thousands a second', 'imap'],
  [`${LONG_TASKS} tasks of ${MILLISECONDS} ms: seconds`, 'long'],
  ['1 MiB each way, awaited: tasks a second', 'sent'],
  ['1 MiB each way, imap: tasks a second', 'sentByImap'],
  ['1 MiB each way, not copied (ours: SharedMemory): tasks a second', 'moved'],
];

function run() {
  const iterations = jsonOf(process.execPath, [join(peers, 'pool', 'calibrate.js'), MILLISECONDS]);
  const args = (work) => [TASKS, LONG_TASKS, work, BUFFERS, SIZE, WORKERS];
  const interpreter = python();
  const inPython = (kind) => [
    interpreter,
    '-B',
    join(peers, 'pool.py'),
    kind,
    ...args(MILLISECONDS),
  ];
  const inThreads = (name) => [
    process.execPath,
    join(peers, 'pool-threads.js'),
    name,
    ...args(iterations),
  ];
  const programs = {
    multiproc: [process.execPath, join(peers, 'pool.js'), 'Pool', ...args(iterations)],
    'our executor': [
      process.execPath,
      join(peers, 'pool.js'),
      'ProcessPoolExecutor',
      ...args(iterations),
    ],
    ...(interpreter !== null && {
      'Python Pool': inPython('Pool'),
      'Python executor': inPython('ProcessPoolExecutor'),
    }),
    ...Object.fromEntries(threads.map((name) => [name, inThreads(name)])),
  };
  const medians = measure(programs);
  const names = Object.keys(programs);
  const own = medians.multiproc;
  const cells = (values) => values.map((value) => (Number.isFinite(value) ? shown(value) : '-'));
  table([
    [`${TASKS} short tasks, ${BUFFERS} large ones`, ...names],
    ...rows.map(([label, key]) => [label, ...cells(names.map((name) => medians[name][key]))]),
  ]);
  console.log();
  table([
    ['how many times as fast multiproc is', ...names.slice(1)],
    ...rows.map(([label, key]) => {
      const ratios = names.slice(1).map((name) => own[key] / medians[name][key]);
      return [label.split(':')[0], ...cells(ratios.map((r) => (key === 'long' ? 1 / r : r)))];
    }),
  ]);
  console.log(
    `(${LONG_TASKS} tasks of ${MILLISECONDS} ms: ` +
      `${own.speedup.toFixed(2)} times as fast as one after the other in one process)`,
  );
}

/** Runs each program a few times, in turns; the medians of what it prints. */
function measure(programs) {
  const samples = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, [command, ...args]] of Object.entries(programs)) {
      const sample = jsonOf(command, args.map(String));
      if (sample === null) throw new Error(`${name}: ${command} ${args.join(' ')} failed`);
      samples[name].push(sample);
    }
  }
  return Object.fromEntries(
    Object.entries(samples).map(([name, of]) => {
      const keys = Object.keys(of[0]);
      return [name, Object.fromEntries(keys.map((key) => [key, median(of.map((s) => s[key]))]))];
    }),
  );
}

const shown = (value) => (value < 100 ? value.toFixed(2) : value.toFixed(0));

module.exports = { run };

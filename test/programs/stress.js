'use strict';
// Forks as often and as hard as it can. Arguments: rounds (300), and megabytes that the parent
// keeps alive at most (500). Prints a line for each part; exits with 1 on any failure.
//
// `npm run stress` is the long form; 20 rounds with 80 MB are part of the tests.

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');
const { Process } = require('multiproc');

const rounds = Number(process.argv[2] ?? 300);
const megabytes = Number(process.argv[3] ?? 500);

/** For the parts that have many processes at once. */
const crowd = Math.ceil(rounds / 3);
const width = Math.min(5, Math.ceil(rounds / 10));

/** Seconds without the end of a child until it counts as hanging. */
const patience = 30;
const mega = 1024 * 1024;

/** Allocates all the time: what it keeps swells to the limit and is let go, again and again. */
class Allocator {
  #chunks = [];
  #limit;
  peak = 0;

  constructor() {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 10; i++) this.churn(Infinity);
    const chunk = (process.memoryUsage().heapUsed - before) / 10;
    // Most of the heap is garbage that is not collected yet.
    this.#limit = Math.ceil((megabytes * mega) / 4 / chunk);
    while (this.#chunks.length < this.#limit / 2) this.churn();
  }

  /** So that many processes at once have not many gigabytes to copy. */
  release() {
    this.#chunks = [];
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
  }

  churn(limit = this.#limit) {
    this.#chunks.push(Array.from({ length: 20_000 }, (_, i) => ({ i, text: `${i}`, list: [i] })));
    if (this.#chunks.length > limit) this.#chunks.splice(0, Math.ceil(limit / 2));
    this.peak = Math.max(this.peak, process.memoryUsage().heapUsed / mega);
  }
}

let compiled = 0;

/** A function that V8 has never seen, run until it is hot: it is compiled in the background. */
function compileHot() {
  compiled += 1;
  const source = `let sum = 0; for (let i = 0; i < n; i++) sum = (sum + i * ${compiled}) | 0; return sum;`;
  const hot = new Function('n', source);
  for (let i = 0; i < 50; i++) hot(5_000);
  return hot(10);
}

/** What each child does: garbage, code, garbage. */
function work() {
  let kept = [];
  for (let i = 0; i < 5; i++) {
    kept = Array.from({ length: 20_000 }, (_, k) => ({ k, text: `${k}`, before: kept[k]?.k }));
    if (compileHot() !== ((45 * compiled) | 0)) throw new Error('a compiled function is wrong');
  }
}

/** Starts a child; resolves with what went wrong, or with undefined. */
async function failureOf(target, ...args) {
  const child = new Process({ target, args });
  child.start();
  if (!(await ends(child))) return killed(child);
  return child.exitcode === 0 ? undefined : `${child.name}: exit code ${child.exitcode}`;
}

/** Waits for the end. The time for which a child waits for a CPU, or for its own children, is free. */
async function ends(child) {
  let seconds = 0;
  let queued = 0;
  while (seconds < patience) {
    await child.joinAsync(1);
    if (child.exitcode !== null) return true;
    const before = queued;
    queued = secondsInQueue(child.pid);
    seconds += 1 - Math.min(queued - before, 1);
    if (isParent(child.pid)) seconds = 0;
  }
  return false;
}

function secondsInQueue(pid) {
  const [, nanoseconds] = fs.readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e9;
}

/** Whether it has children that live: those that have ended may be what it fails to see. */
function isParent(pid) {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? [];
  return children.some((child) => /\) [^ZX]/.test(readProc(child, 'stat')));
}

/** Ends a child that hangs, and tells where it did. */
async function killed(child) {
  const stack = await describe(child.pid);
  child.kill();
  await child.joinAsync();
  return `${child.name}: no end for ${patience} s\n${stack}`;
}

/** Also the times that it ran and that it waited for a CPU, to tell a hang from a slow machine. */
async function describe(pid) {
  const proc = ['schedstat', 'wchan', 'stack'].map((name) => readProc(pid, name));
  const command = ['-batch', '-ex', 'thread apply all bt 30', '-p', String(pid)];
  const gdb = await new Promise((resolve) =>
    execFile('gdb', command, { timeout: 60_000 }, (_, stdout) => resolve(stdout)),
  );
  return [...proc, gdb].join('\n');
}

/** Not every kernel shows all of it, nor to everybody. */
function readProc(pid, name) {
  try {
    return `${name}: ${fs.readFileSync(`/proc/${pid}/${name}`, 'utf8')}`;
  } catch (error) {
    return `${name}: ${error.code}`;
  }
}

async function oneAfterTheOther(allocator) {
  const failures = [];
  for (let i = 0; i < rounds; i++) {
    allocator.churn();
    compileHot();
    const failure = failureOf(work);
    // The parent goes on while the child runs.
    for (let k = 0; k < 3; k++) {
      allocator.churn();
      await sleep(1);
    }
    failures.push(await failure);
  }
  return failures;
}

function atOnce(count) {
  return Promise.all(Array.from({ length: count }, () => failureOf(work)));
}

/** Starts children, which start children, until `depth` is 0. */
async function family(width, depth) {
  work();
  if (depth === 0) return;
  const failures = (await membersOf(width, depth - 1)).filter(Boolean);
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

function membersOf(width, depth) {
  return Promise.all(Array.from({ length: width }, () => failureOf(family, width, depth)));
}

let failed = false;

async function part(name, run) {
  const start = performance.now();
  const results = await run();
  const failures = results.filter(Boolean);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name}: ${results.length} children, ${failures.length} failures, ${seconds} s`);
  for (const failure of failures) console.log(failure);
  failed ||= failures.length > 0;
}

async function main() {
  console.log(`Node ${process.version}, ${rounds} rounds, heap up to ${megabytes} MB`);
  const allocator = new Allocator();
  await part('one after the other', () => oneAfterTheOther(allocator));
  await part('at once', () => atOnce(crowd));
  allocator.release();
  await part(`three generations of ${width}`, () => membersOf(width, 2));
  console.log(`peak of the heap: ${Math.round(allocator.peak)} MB`);
  if (failed) process.exitCode = 1;
}

void main();

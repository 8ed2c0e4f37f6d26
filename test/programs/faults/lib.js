'use strict';
// Rounds in which processes are killed at random moments. The parent lives through all of them.

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { activeChildren, Empty, EOFError, Pipe, Process } = require('multiproc');
const { Block } = require('../../../dist/heap');

/** Seconds after which something that should have happened hangs. */
const BOUND = 10;

/** Numbers that are the same for the same seed. */
class Random {
  #state;

  constructor(seed) {
    this.#state = seed | 0;
  }

  /** From 0 to 1. */
  real() {
    let t = (this.#state = (this.#state + 0x6d2b79f5) | 0);
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit) {
    return Math.floor(this.real() * limit);
  }

  chance(probability) {
    return this.real() < probability;
  }
}

const nap = new Int32Array(new SharedArrayBuffer(4));

function sleep(milliseconds) {
  Atomics.wait(nap, 0, 0, milliseconds);
}

/** Blocks until the condition is true. */
function until(condition, what) {
  const end = performance.now() + BOUND * 1000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`hangs: ${what}`);
    sleep(0.2);
  }
}

/** Numbers in memory that the children share. */
function sharedWords(count) {
  return new Int32Array(Block.allocate(4 * count).buffer);
}

/** A message whose bytes can be checked. */
function message(from, i, size) {
  return { from, i, bytes: Buffer.alloc(size, `${from}:${i};`) };
}

function check({ from, i, bytes }) {
  const whole = bytes.equals(Buffer.alloc(bytes.length, `${from}:${i};`));
  assert.ok(whole, `message ${i} of ${from} is damaged`);
  return [from, i];
}

/** Starts a child; what its target gives to `report` is in reportsOf(). */
function start(target) {
  const [receive, send] = Pipe(false);
  const child = new Process({ target: () => target((value) => send.send(value)) });
  child.start();
  send.close();
  child.receive = receive;
  return child;
}

/** What a child has reported until its end, however it ended. */
function reportsOf(child) {
  const reports = [];
  try {
    for (;;) {
      if (!child.receive.poll(BOUND)) throw new Error(`hangs: ${child}`);
      reports.push(child.receive.recv());
    }
  } catch (error) {
    if (!(error instanceof EOFError)) throw error;
  }
  child.receive.close();
  return reports;
}

function kill(child) {
  child.kill();
  child.join(BOUND);
  assert.strictEqual(child.exitcode, -9);
}

/** Waits for the end of children, which must have gone well. */
function expectEnd(...children) {
  for (const child of children) {
    child.join(BOUND);
    assert.strictEqual(child.exitcode, 0, `${child}`);
  }
}

/** A value if there is one in time, else undefined. */
function getOrNothing(queue, options) {
  try {
    return queue.get(options);
  } catch (error) {
    if (error instanceof Empty) return undefined;
    throw error;
  }
}

function descriptors() {
  return fs.readdirSync('/proc/self/fd').length;
}

/** Waits until as few are open as before: some are closed by collection. */
async function expectDescriptors(before) {
  for (let i = 0; i < 50 && descriptors() > before; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const open = fs.readdirSync('/proc/self/fd').map((fd) => {
    return fs.existsSync(`/proc/self/fd/${fd}`) ? fs.readlinkSync(`/proc/self/fd/${fd}`) : '';
  });
  assert.ok(descriptors() <= before, `more than ${before} descriptors: ${open}`);
}

/** Runs the rounds that the command line asks for: seed, first round, number of rounds. */
async function runRounds(round) {
  const [seed, first, count] = process.argv.slice(2).map(Number);
  const kind = path.basename(process.argv[1], '.js');
  let before;
  for (let i = first; i < first + count; i++) {
    try {
      await round(new Random(seed * 1000 + i), i);
      for (const child of activeChildren()) assert.fail(`${child} is left`);
    } catch (error) {
      for (const child of activeChildren()) child.kill();
      console.log(`${kind}: seed ${seed}, round ${i}: ${error.stack}`);
      process.exit(1);
    }
    // After some that warm it up.
    if (i === first + 2) before = await settledDescriptors();
  }
  await expectDescriptors(before);
  const left = fs.readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
  assert.strictEqual(left, '', 'a process is left');
  console.log('ok');
}

async function settledDescriptors() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return descriptors();
}

/** Each process's messages in order; which have come. */
class Arrived {
  #numbers = new Map();

  add([from, i]) {
    const numbers = this.of(from);
    this.#numbers.set(from, numbers);
    assert.ok(numbers.length === 0 || numbers.at(-1) < i, `${i} of ${from} is out of order`);
    numbers.push(i);
  }

  of(from) {
    return this.#numbers.get(from) ?? [];
  }
}

module.exports = {
  Arrived,
  BOUND,
  check,
  expectEnd,
  getOrNothing,
  kill,
  message,
  reportsOf,
  runRounds,
  sharedWords,
  sleep,
  start,
  until,
};

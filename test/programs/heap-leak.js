'use strict';

/** Shared objects that are collected give their memory back. Needs --expose-gc. Prints JSON. */

const fs = require('node:fs');

const { Array: SharedArray, Process, RawArray, Value } = require('multiproc');

const seen = {};

/** Collects what nobody has, and lets the finalizers run, which free in turn. */
async function collect() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const descriptors = () => fs.readdirSync('/proc/self/fd').length;

/** Megabytes of shared memory that this process has mapped. */
function mapped() {
  const sizes = fs
    .readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => line.includes('/dev/shm/mp-'))
    .map((line) =>
      line
        .split(' ')[0]
        .split('-')
        .map((address) => parseInt(address, 16)),
    );
  return sizes.reduce((sum, [start, stop]) => sum + stop - start, 0) / 2 ** 20;
}

async function allocate(count) {
  for (let i = 0; i < count; i++) {
    const array = RawArray('i', 50 + (i % 50));
    array.fill(-1);
    if (i % 10 === 0) new Value('q', i);
    if (i % 500 === 0) RawArray('d', 1e6);
    if (i % 250 === 0) await collect();
  }
  await collect();
}

/** 'flat', or how it grew. */
function growth(before, after, allowed) {
  return after - before <= allowed ? 'flat' : `${before} to ${after}`;
}

async function withoutFork() {
  await allocate(500);
  const [fds, megabytes] = [descriptors(), mapped()];
  await allocate(10_000);
  seen.descriptors = growth(fds, descriptors(), 1);
  seen.memory = growth(megabytes, mapped(), 4);
}

async function acrossForks() {
  const round = async () => {
    const child = new Process({ target: () => allocate(50) });
    const array = SharedArray('i', 100);
    child.start();
    await allocate(100);
    child.join();
    array[0] += 1;
    if (child.exitcode !== 0) throw new Error(`a child ended with ${child.exitcode}`);
  };
  await round();
  const fds = descriptors();
  for (let count = 0; count < 10; count++) await round();
  await collect();
  seen.descriptorsAcrossForks = growth(fds, descriptors(), 3);
}

/** Whether so many arrays are zero. Each is filled, and forgotten. */
function areZero(count) {
  let zero = true;
  for (let i = 0; i < count; i++) {
    const array = RawArray('i', 1000);
    zero &&= array.every((number) => number === 0);
    array.fill(i + 1);
  }
  return zero;
}

async function reuse() {
  seen.zeroed = true;
  const before = mapped();
  for (let round = 0; round < 20; round++) {
    seen.zeroed &&= areZero(100);
    await collect();
  }
  seen.reusedWithoutFork = mapped() - before < 4;
}

/** The parent drops its arrays and allocates new ones; the child looks whether its own change. */
async function childKeepsItsMemory() {
  const flags = RawArray('i', 2);
  let arrays = Array.from({ length: 50 }, (_, i) => RawArray('i', 100).fill(i));
  const child = new Process({
    target() {
      Atomics.store(flags, 0, 1);
      while (Atomics.load(flags, 1) === 0) {
        fs.readFileSync('/proc/self/stat');
      }
      process.exit(arrays.every((array, i) => array.every((number) => number === i)) ? 0 : 1);
    },
  });
  child.start();
  arrays = null;
  while (Atomics.load(flags, 0) === 0) await collect();
  for (let round = 0; round < 5; round++) {
    await collect();
    Array.from({ length: 100 }, () => RawArray('i', 100).fill(-1));
  }
  Atomics.store(flags, 1, 1);
  child.join();
  seen.childKeepsItsMemory = child.exitcode === 0;
}

async function main() {
  await withoutFork();
  await acrossForks();
  await reuse();
  await childKeepsItsMemory();
  console.log(JSON.stringify(seen));
}

void main();

'use strict';

/** What the locks do between processes, in short. Prints JSON. */

const {
  Barrier,
  Condition,
  Event,
  Lock,
  Process,
  RawArray,
  RLock,
  Semaphore,
  Value,
} = require('multiproc');

const patience = 10;
const seen = {};

function started(count, target) {
  return Array.from({ length: count }, (_, index) => {
    const child = new Process({ target, args: [index] });
    child.start();
    return child;
  });
}

function joined(children) {
  for (const child of children) child.join(patience);
  return children.map((child) => child.exitcode);
}

/** Waits for a condition, not for a time. */
async function until(condition) {
  const end = Date.now() + patience * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`still not: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function errorOf(call) {
  try {
    call();
    return null;
  } catch (error) {
    return error.constructor.name;
  }
}

function exclusion() {
  return [new Lock(), new RLock(), new Semaphore(1)].map((lock) => {
    const counter = RawArray('i', 1);
    const count = () => {
      for (let i = 0; i < 300; i++) lock.with(() => (counter[0] += 1));
    };
    const children = started(2, count);
    count();
    joined(children);
    return counter[0];
  });
}

/** The waiter sleeps for some time before the holder ends. */
async function killedHolder() {
  const results = [];
  for (const lock of [new Lock(), new RLock()]) {
    const [holder] = started(1, () => {
      lock.acquire();
      return new Promise(() => undefined);
    });
    await until(() => lock.locked());
    const waiting = lock.acquireAsync().then(String, (error) => error.code);
    const before = lock.acquire(true, 0.1);
    holder.kill();
    holder.join();
    results.push([before, await waiting, lock.acquire(false)]);
  }
  return results;
}

async function condition() {
  const changed = new Condition();
  const woken = Value('i');
  const children = started(3, () => {
    changed.with(() => changed.wait() && woken.add(1));
  });
  await until(() => String(changed).endsWith(', 3)>'));
  children[0].kill();
  children[0].join();
  changed.with(() => changed.notify());
  await until(() => woken.value === 1);
  changed.with(() => changed.notifyAll());
  return [joined(children), woken.value, changed.with(() => changed.wait(0.05))];
}

async function event() {
  const flag = new Event();
  const late = flag.wait(0.05);
  const promise = flag.waitAsync(patience);
  const children = started(2, () => process.exit(flag.wait(patience) ? 7 : 1));
  flag.set();
  return [late, await promise, joined(children)];
}

async function barrier() {
  const all = new Barrier(3, null, patience);
  const indexes = RawArray('i', 3);
  const children = started(2, () => {
    for (let pass = 0; pass < 20; pass++) Atomics.add(indexes, all.wait(), 1);
  });
  for (let pass = 0; pass < 20; pass++) Atomics.add(indexes, all.wait(), 1);
  const codes = joined(children);
  const [killed] = started(1, () => all.wait());
  await until(() => all.nWaiting === 1);
  const waiting = all.waitAsync().catch((error) => error.constructor.name);
  await until(() => all.nWaiting === 2);
  killed.kill();
  killed.join();
  return [codes, [...indexes], await waiting, all.broken];
}

function semaphore() {
  const [ping, pong] = [new Semaphore(0), new Semaphore(0)];
  const children = started(1, () => {
    for (let turn = 0; turn < 50; turn++) {
      ping.acquire();
      pong.release();
    }
  });
  for (let turn = 0; turn < 50; turn++) {
    ping.release();
    pong.acquire();
  }
  return [joined(children), ping.acquire(true, 0.05), errorOf(() => new Lock().release())];
}

function atomics() {
  const value = Value('i');
  const children = started(1, () => {
    for (let round = 0; round < 20; round++) {
      value.wait(2 * round, patience);
      value.add(1);
      value.notify();
    }
  });
  for (let round = 0; round < 20; round++) {
    value.add(1);
    value.notify();
    value.wait(2 * round + 1, patience);
  }
  return [joined(children), value.value];
}

async function main() {
  for (const part of [exclusion, killedHolder, condition, event, barrier, semaphore, atomics]) {
    seen[part.name] = await part();
  }
  console.log(JSON.stringify({ ...seen, pid: process.pid }));
}

void main();

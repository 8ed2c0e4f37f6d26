/** Condition. */

import { inspect } from 'node:util';

import {
  Condition,
  Lock,
  posix,
  type Process,
  RawArray,
  RawValue,
  RLock,
  Semaphore,
} from 'multiproc';

import { errorOf, expectNoChildren, inChild, patience, rejectionOf } from './lib/child';
import { joined, joinedAsync, killed, started, startedMany, timed } from './lib/group';
import { addon } from './lib/pipe';
import { until } from './lib/run';

afterEach(expectNoChildren);

/** How many wait, as the repr says. */
function waiters(condition: Condition): number {
  return Number(/, (\d+)\)>$/.exec(String(condition))![1]);
}

/** Children that wait, and count themselves when they were notified. They all wait already. */
async function waiting(
  condition: Condition,
  count: number,
  timeout?: number,
): Promise<{ children: Process[]; woken: Int32Array }> {
  const woken = RawArray('i', 1);
  const before = waiters(condition);
  const children = startedMany(count, () => {
    condition.acquire();
    if (condition.wait(timeout)) Atomics.add(woken, 0, 1);
    condition.release();
  });
  // They are counted a little before they release the lock.
  await until(() => waiters(condition) === before + count && !condition.locked());
  return { children, woken };
}

function notify(condition: Condition, n?: number): void {
  condition.with(() => condition.notify(n));
}

describe.each([
  ['an RLock', (): Lock | RLock => new RLock()],
  ['a Lock', (): Lock | RLock => new Lock()],
])('with %s', (_name, newLock) => {
  test('C070: each notify() wakes one of those who wait', async () => {
    const condition = new Condition(newLock());
    const { children, woken } = await waiting(condition, 2);
    expect(woken[0]).toBe(0);
    notify(condition);
    await until(() => woken[0]! > 0);
    expect([woken[0], waiters(condition)]).toEqual([1, 1]);
    notify(condition);
    expect(await joinedAsync(children)).toEqual([0, 0]);
    expect([woken[0], waiters(condition)]).toEqual([2, 0]);
  });

  test('C071: those whose time is over leave nothing behind; notifyAll() wakes all', async () => {
    const condition = new Condition(newLock());
    const timedOut = startedMany(3, () =>
      posix.exit(condition.with(() => condition.wait(0.2)) ? 1 : 0),
    );
    expect(await joinedAsync(timedOut)).toEqual([0, 0, 0]);
    expect(waiters(condition)).toBe(0);
    const { children, woken } = await waiting(condition, 3);
    condition.with(() => condition.notifyAll());
    expect(await joinedAsync(children)).toEqual([0, 0, 0]);
    expect([woken[0], waiters(condition)]).toEqual([3, 0]);
  });

  test('C073: notify(n) wakes n, if there are so many', async () => {
    const condition = new Condition(newLock());
    const { children, woken } = await waiting(condition, 4);
    notify(condition, 0);
    notify(condition, 2);
    await until(() => woken[0]! >= 2);
    expect([woken[0], waiters(condition)]).toEqual([2, 2]);
    notify(condition, 4);
    expect(await joinedAsync(children)).toEqual([0, 0, 0, 0]);
    notify(condition, 3);
    expect([woken[0], waiters(condition)]).toEqual([4, 0]);
    expect(condition.with(() => condition.wait(0))).toBe(false);
  });
});

test('C074: wait() returns false after its timeout', () => {
  const condition = new Condition();
  const [seconds, notified] = timed(() => condition.with(() => condition.wait(0.1)));
  expect(notified).toBe(false);
  expect(seconds).toBeGreaterThan(0.095);
  expect(condition.with(() => condition.wait(-1))).toBe(false);
});

test('C075: waitFor() looks again after each notification, in parent and child', () => {
  const condition = new Condition();
  const state = RawArray('i', 1);
  const child = started(() => {
    condition.with(() => {
      if (!condition.waitFor(() => state[0] === 0)) process.exit(1);
      state[0] = 1;
      condition.notify();
      if (!condition.waitFor(() => state[0] === 4, patience)) process.exit(2);
    });
  });
  condition.acquire();
  expect(condition.waitFor(() => (state[0] === 1 ? 'come' : ''), patience)).toBe('come');
  for (let step = 0; step < 3; step++) {
    state[0]! += 1;
    condition.notify();
    condition.wait(0.01);
  }
  condition.release();
  expect(joined([child])).toEqual([0]);
});

test('waitFor() gives the last value of its predicate after the timeout', async () => {
  const condition = new Condition();
  let calls = 0;
  const never = (): number => {
    calls += 1;
    return 0;
  };
  const [seconds, value] = timed(() => condition.with(() => condition.waitFor(never, 0.1)));
  expect([value, calls]).toEqual([0, 2]);
  expect(seconds).toBeGreaterThan(0.095);
  expect(await condition.withAsync(() => condition.waitForAsync(never, 0.02))).toBe(0);
});

test('C077: wait() tells a notification from a timeout', async () => {
  const condition = new Condition();
  expect(condition.with(() => [condition.wait(0), condition.wait(0.02)])).toEqual([false, false]);
  const { children, woken } = await waiting(condition, 1, patience);
  notify(condition);
  expect(await joinedAsync(children)).toEqual([0]);
  expect(woken[0]).toBe(1);
});

test('an RLock that is held more than once is released for the wait, and held again', () => {
  const condition = new Condition();
  const go = RawValue('i');
  const child = started(() => {
    go.wait(0, patience);
    condition.with(() => condition.notify());
  });
  for (let depth = 0; depth < 3; depth++) condition.acquire();
  go.store(1);
  go.notify();
  expect(condition.wait(patience)).toBe(true);
  expect(inspect(condition)).toBe('<Condition(<RLock(MainProcess, 3)>, 0)>');
  for (let depth = 0; depth < 3; depth++) condition.release();
  expect(condition.locked()).toBe(false);
  expect(joined([child])).toEqual([0]);
});

test('the longest waiting one is woken first', async () => {
  const condition = new Condition();
  const order: number[] = [];
  const waits: Promise<unknown>[] = [];
  for (let index = 0; index < 4; index++) {
    await condition.acquireAsync();
    waits.push(condition.waitAsync(patience).then(() => order.push(index)));
    await until(() => waiters(condition) === index + 1);
    // The one that waits has released it, and holds it again when it is woken: in its turn.
  }
  for (let index = 0; index < 4; index++) {
    notify(condition);
    await waits[index];
    condition.release();
  }
  expect(order).toEqual([0, 1, 2, 3]);
  expect(condition.locked()).toBe(false);
});

test('waitAsync() in several children and here, with the event loop free', async () => {
  const condition = new Condition(new Lock());
  const { children, woken } = await waiting(condition, 2);
  const here = condition.withAsync(() => condition.waitAsync(patience));
  await until(() => waiters(condition) === 3);
  condition.with(() => condition.notifyAll());
  expect(await here).toBe(true);
  expect(await joinedAsync(children)).toEqual([0, 0]);
  expect(woken[0]).toBe(2);
  expect(await condition.withAsync(() => condition.waitAsync(0.02))).toBe(false);
  expect(condition.locked()).toBe(false);
});

test('a waiter that was killed: notify() does not hang, and wakes another one', async () => {
  const condition = new Condition();
  const first = await waiting(condition, 1);
  const second = await waiting(condition, 1);
  killed(first.children[0]!);
  notify(condition);
  expect(await joinedAsync(second.children)).toEqual([0]);
  expect([first.woken[0], second.woken[0], waiters(condition)]).toEqual([0, 1, 0]);
});

test('a killed waiter that is not reaped yet, among others', async () => {
  const condition = new Condition();
  // notify() goes by the order of the waits, and looks no further than it has to.
  const first = await waiting(condition, 1);
  const others = await waiting(condition, 2);
  first.children[0]!.kill();
  await until(() => addon.hasEnded(first.children[0]!.pid!));
  notify(condition, 2);
  expect(await joinedAsync([...first.children, ...others.children])).toEqual([-9, 0, 0]);
  expect([others.woken[0], waiters(condition)]).toEqual([2, 0]);
});

test('killed while it is notified: the lock stays usable', async () => {
  const condition = new Condition();
  const { children } = await waiting(condition, 1);
  condition.acquire();
  condition.notify();
  killed(children[0]!);
  condition.release();
  expect(inChild(() => condition.with(() => condition.wait(0.01)))).toBe(false);
});

test('more waits than there are places, one after the other', () => {
  const condition = new Condition();
  condition.acquire();
  for (let count = 0; count < 1000; count++) expect(condition.wait(0)).toBe(false);
  condition.release();
  expect(waiters(condition)).toBe(0);
});

test('reprs, with the number of those who wait', async () => {
  const condition = new Condition();
  expect(inspect(condition)).toBe('<Condition(<RLock(None, 0)>, 0)>');
  const { children } = await waiting(condition, 1);
  expect(String(condition)).toBe('<Condition(<RLock(None, 0)>, 1)>');
  notify(condition);
  expect(await joinedAsync(children)).toEqual([0]);
  expect(inspect(new Condition(new Lock()))).toBe('<Condition(<Lock(owner=None)>, 0)>');
});

test('errors', async () => {
  const condition = new Condition();
  const notHeld = 'AssertionError: must acquire() condition before using wait()';
  expect(errorOf(() => condition.wait(0))).toBe(notHeld);
  expect(await rejectionOf(condition.waitAsync(0))).toBe(notHeld);
  expect(errorOf(() => condition.notify())).toBe('AssertionError: lock is not owned');
  expect(errorOf(() => condition.notifyAll())).toBe('AssertionError: lock is not owned');
  expect(errorOf(() => condition.release())).toBe(
    'AssertionError: attempt to release recursive lock not owned by thread',
  );
  expect(errorOf(() => new Condition(new Semaphore() as never))).toMatch(
    /^TypeError: Expected a Lock or an RLock for lock/,
  );
  condition.acquire();
  expect(errorOf(() => condition.wait('1' as never))).toMatch(/^TypeError: .* for timeout/);
  expect(errorOf(() => condition.notify(1.5))).toMatch(/^TypeError: .* for n/);
  expect(errorOf(() => condition.waitFor(5 as never, 0))).toMatch(/^TypeError/);
  expect(inChild(() => errorOf(() => condition.notify()))).toBe(
    'AssertionError: lock is not owned',
  );
  condition.release();
});

/** Semaphore and BoundedSemaphore. */

import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';

import { BoundedSemaphore, RawArray, Semaphore } from 'multiproc';

import { errorOf, expectNoChildren, inChild, patience, rejectionOf } from './lib/child';
import { joinedAsync, killed, startedAfter, startedMany, timed } from './lib/group';
import { until } from './lib/run';

afterEach(expectNoChildren);

describe.each([
  ['Semaphore', Semaphore],
  ['BoundedSemaphore', BoundedSemaphore],
])('%s', (_name, AnySemaphore) => {
  test('C066: the value goes down by acquire() and up by release()', () => {
    const semaphore = new AnySemaphore(2);
    expect(semaphore.getValue()).toBe(2);
    expect([semaphore.acquire(), semaphore.getValue(), semaphore.locked()]).toEqual([
      true,
      1,
      false,
    ]);
    expect([semaphore.acquire(), semaphore.getValue(), semaphore.locked()]).toEqual([
      true,
      0,
      true,
    ]);
    expect([semaphore.acquire(false), semaphore.getValue()]).toEqual([false, 0]);
    semaphore.release();
    expect(semaphore.getValue()).toBe(1);
    semaphore.release();
    expect(semaphore.getValue()).toBe(2);
  });

  test('C069: acquire() without blocking and with a timeout', () => {
    const semaphore = new AnySemaphore(0);
    expect([semaphore.acquire(false), semaphore.acquire(false, null)]).toEqual([false, false]);
    expect([semaphore.acquire(false, 30), semaphore.acquire(true, -1)]).toEqual([false, false]);
    for (const wait of [
      () => semaphore.acquire(true, 0.1),
      () => semaphore.acquire({ timeout: 0.1 }),
    ]) {
      const [seconds, acquired] = timed(wait);
      expect(acquired).toBe(false);
      expect(seconds).toBeGreaterThan(0.095);
    }
  });

  test('wrong values and arguments', async () => {
    expect(errorOf(() => new AnySemaphore(-1))).toBe('OSError: [Errno 22] Invalid argument');
    expect(errorOf(() => new AnySemaphore(2 ** 31))).toBe(
      'OverflowError: Python int too large to convert to C int',
    );
    expect(errorOf(() => new AnySemaphore('1' as never))).toMatch(/^TypeError: .* for value/);
    const semaphore = new AnySemaphore(1);
    expect(errorOf(() => semaphore.acquire(0 as never))).toMatch(/^TypeError: .* for block/);
    expect(errorOf(() => semaphore.acquire(true, '1' as never))).toMatch(/^TypeError: .* timeout/);
    expect(await rejectionOf(semaphore.acquireAsync(true, NaN))).toMatch(/^TypeError: .* timeout/);
    expect(semaphore.getValue()).toBe(1);
  });

  test('one by default; hold() and with()', async () => {
    const semaphore = new AnySemaphore();
    expect(semaphore.getValue()).toBe(1);
    expect(semaphore.with(() => semaphore.locked())).toBe(true);
    {
      using held = semaphore.hold();
      expect([typeof held, semaphore.locked()]).toEqual(['object', true]);
    }
    expect(await semaphore.withAsync(() => semaphore.getValue())).toBe(0);
    expect(semaphore.getValue()).toBe(1);
  });

  test('no more than its value are inside at the same time', async () => {
    const semaphore = new AnySemaphore(2);
    const counts = RawArray('i', 2);
    const children = startedMany(4, () => {
      for (let i = 0; i < 50; i++) {
        semaphore.acquire();
        const inside = Atomics.add(counts, 0, 1) + 1;
        if (inside > Atomics.load(counts, 1)) Atomics.store(counts, 1, inside);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.2);
        Atomics.sub(counts, 0, 1);
        semaphore.release();
      }
    });
    expect(await joinedAsync(children)).toEqual([0, 0, 0, 0]);
    expect(counts[0]).toBe(0);
    expect([1, 2]).toContain(counts[1]);
    expect(semaphore.getValue()).toBe(2);
  });
});

test('C067: a Semaphore can rise above its first value, up to the largest', () => {
  const semaphore = new Semaphore(2);
  semaphore.release();
  semaphore.release();
  expect(semaphore.getValue()).toBe(4);
  const full = new Semaphore(2 ** 31 - 1);
  expect(errorOf(() => full.release())).toBe(
    'ValueError: semaphore or lock released too many times',
  );
});

test('a BoundedSemaphore cannot', () => {
  const semaphore = new BoundedSemaphore(2);
  const tooMany = 'ValueError: semaphore or lock released too many times';
  expect(errorOf(() => semaphore.release())).toBe(tooMany);
  semaphore.acquire();
  semaphore.release();
  expect(inChild(() => errorOf(() => semaphore.release()))).toBe(tooMany);
  expect(semaphore.getValue()).toBe(2);
});

test('reprs', () => {
  const semaphore = new Semaphore(2);
  semaphore.release();
  expect([inspect(semaphore), String(semaphore)]).toEqual([
    '<Semaphore(value=3)>',
    '<Semaphore(value=3)>',
  ]);
  const bounded = new BoundedSemaphore(2);
  bounded.acquire();
  expect(inspect(bounded)).toBe('<BoundedSemaphore(value=1, maxvalue=2)>');
});

test('each release() lets one of the waiting processes go on', async () => {
  const semaphore = new Semaphore(0);
  const counts = RawArray('i', 2);
  const children = startedMany(3, () => {
    Atomics.add(counts, 0, 1);
    semaphore.acquire();
    Atomics.add(counts, 1, 1);
  });
  await until(() => counts[0] === 3);
  for (let through = 1; through <= 3; through++) {
    semaphore.release();
    await until(() => counts[1]! >= through);
    expect(counts[1]).toBe(through);
  }
  expect(await joinedAsync(children)).toEqual([0, 0, 0]);
  expect(semaphore.getValue()).toBe(0);
});

test('processes take turns by two semaphores', async () => {
  const [ping, pong] = [new Semaphore(0), new Semaphore(0)];
  const turns = RawArray('i', 1);
  const [child] = startedMany(1, () => {
    for (let turn = 0; turn < 200; turn++) {
      ping.acquire();
      turns[0]! += 1;
      pong.release();
    }
  });
  for (let turn = 0; turn < 200; turn++) {
    ping.release();
    pong.acquire();
    expect(turns[0]).toBe(turn + 1);
  }
  expect(await joinedAsync([child!])).toEqual([0]);
});

test('acquireAsync(): several at once, a timeout, the event loop free', async () => {
  const semaphore = new Semaphore(1);
  expect(await semaphore.acquireAsync()).toBe(true);
  expect(await semaphore.acquireAsync(false)).toBe(false);
  expect(await semaphore.acquireAsync(true, 0.02)).toBe(false);
  let acquired = 0;
  const waiting = Array.from({ length: 20 }, async () => {
    if (await semaphore.acquireAsync({ timeout: patience })) acquired += 1;
  });
  expect(await readFile(__filename, 'utf8')).toContain('several at once');
  expect(acquired).toBe(0);
  for (let released = 1; released <= 20; released++) {
    semaphore.release();
    await until(() => acquired >= released);
    expect(acquired).toBe(released);
  }
  await Promise.all(waiting);
  expect(semaphore.getValue()).toBe(0);
});

test('a waiter that is killed takes nothing', async () => {
  const semaphore = new Semaphore(0);
  const began = RawArray('i', 1);
  const child = startedAfter(() => {
    began[0] = 1;
    semaphore.acquire();
  });
  await until(() => began[0] === 1);
  killed(child);
  semaphore.release();
  expect(semaphore.getValue()).toBe(1);
  expect(inChild(() => semaphore.acquire(true, patience))).toBe(true);
});

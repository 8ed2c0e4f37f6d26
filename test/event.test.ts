/** Event. */

import { inspect } from 'node:util';

import { Event, RawArray } from 'multiproc';

import { errorOf, expectNoChildren, inChild, patience, rejectionOf } from './lib/child';
import {
  joined,
  joinedAsync,
  killed,
  started,
  startedAfter,
  startedMany,
  timed,
} from './lib/group';
import { until } from './lib/run';

afterEach(expectNoChildren);

test('C079: an event is not set at first; wait() returns false after its timeout', () => {
  const event = new Event();
  expect([event.isSet(), event.wait(0), event.wait(-1)]).toEqual([false, false, false]);
  const [seconds, set] = timed(() => event.wait(0.1));
  expect(set).toBe(false);
  expect(seconds).toBeGreaterThan(0.095);
  event.set();
  event.set();
  expect([event.isSet(), event.wait(), event.wait(0)]).toEqual([true, true, true]);
  event.clear();
  event.clear();
  expect([event.isSet(), event.wait(0)]).toEqual([false, false]);
});

test('C081: after clear() a wait() lasts until another process sets it', () => {
  const event = new Event();
  event.set();
  event.clear();
  const child = started(async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    event.set();
  });
  const [seconds, set] = timed(() => event.wait(patience));
  expect(set).toBe(true);
  expect(seconds).toBeGreaterThan(0.005);
  expect(joined([child])).toEqual([0]);
});

test('C082: the repr says whether it is set', () => {
  const event = new Event();
  expect(inspect(event)).toMatch(/^<Event at \S+ unset>$/);
  event.set();
  expect(String(event)).toMatch(/^<Event at \S+ set>$/);
});

test('set() wakes all who wait: children, grandchildren and promises', async () => {
  const event = new Event();
  const counts = RawArray('i', 2);
  const wait = (): void => {
    Atomics.add(counts, 0, 1);
    if (event.wait(patience)) Atomics.add(counts, 1, 1);
  };
  const children = startedMany(2, () => {
    const grandchild = started(wait);
    wait();
    joined([grandchild]);
  });
  const promises = [1, 2, 3].map(() => event.waitAsync(patience));
  await until(() => counts[0] === 4);
  expect(counts[1]).toBe(0);
  event.set();
  expect(await Promise.all(promises)).toEqual([true, true, true]);
  expect(await joinedAsync(children)).toEqual([0, 0]);
  expect(counts[1]).toBe(4);
});

test('a wait() is over also if the event is cleared at once', async () => {
  const event = new Event();
  const waits = [1, 2].map(() => event.waitAsync(patience));
  await new Promise((resolve) => setTimeout(resolve, 20));
  event.set();
  event.clear();
  expect(await Promise.all(waits)).toEqual([true, true]);
  expect(event.isSet()).toBe(false);
});

test('waitAsync() with a timeout leaves the event loop free', async () => {
  const event = new Event();
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 5);
  expect(await event.waitAsync(0.1)).toBe(false);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(1);
  event.set();
  expect(await event.waitAsync()).toBe(true);
});

test('a waiter that was killed keeps nothing from others', async () => {
  const event = new Event();
  const began = RawArray('i', 1);
  const child = startedAfter(() => {
    began[0] = 1;
    event.wait();
  });
  await until(() => began[0] === 1);
  killed(child);
  event.set();
  event.clear();
  expect(event.isSet()).toBe(false);
  event.set();
  expect(inChild(() => event.wait(patience))).toBe(true);
});

test('set and cleared by many at once, it is what was done last', async () => {
  const event = new Event();
  const children = startedMany(3, () => {
    for (let i = 0; i < 500; i++) {
      event.set();
      event.clear();
    }
  });
  expect(await joinedAsync(children)).toEqual([0, 0, 0]);
  expect(event.isSet()).toBe(false);
  event.set();
  expect(event.isSet()).toBe(true);
});

test('wrong arguments', async () => {
  const event = new Event();
  expect(errorOf(() => event.wait('1' as never))).toMatch(/^TypeError: .* for timeout/);
  expect(await rejectionOf(event.waitAsync(NaN))).toMatch(/^TypeError: .* for timeout/);
});

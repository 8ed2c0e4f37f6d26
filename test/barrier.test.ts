/** Barrier. */

import { inspect } from 'node:util';

import { Barrier, BrokenBarrierError, type Process, RawArray } from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { joined, joinedAsync, killed, startedAfter, startedMany, timed } from './lib/group';
import { until } from './lib/run';

afterEach(expectNoChildren);

const N = 5;
const broken = 'BrokenBarrierError: ';

/** All N parties, of which this process is one; each does the same. */
function together(party: (index: number) => void): void {
  const children = startedMany(N - 1, (index) => party(index + 1));
  party(0);
  expect(joined(children)).toEqual(Array(N - 1).fill(0));
}

/** So many children that wait; counts[0] are those that got through, counts[1] those that failed. */
function waiting(
  barrier: Barrier,
  count: number,
  timeout?: number,
): { children: Process[]; counts: Int32Array } {
  const counts = RawArray('i', 2);
  const children = startedMany(count, () => {
    try {
      barrier.wait(timeout);
      Atomics.add(counts, 0, 1);
    } catch (error) {
      if (!(error instanceof BrokenBarrierError)) throw error;
      Atomics.add(counts, 1, 1);
    }
  });
  return { children, counts };
}

test.each([1, 10])('C083: all parties pass in step, %i times', (times) => {
  const barrier = new Barrier(N, null, patience);
  const passed = RawArray('i', 2 * times);
  together(() => {
    for (let time = 0; time < times; time++) {
      for (const step of [2 * time, 2 * time + 1]) {
        Atomics.add(passed, step, 1);
        barrier.wait();
        // Whoever is through knows that all have come.
        if (Atomics.load(passed, step) !== N) throw new Error('out of step');
      }
    }
  });
  expect([...passed]).toEqual(Array(2 * times).fill(N));
  expect([barrier.nWaiting, barrier.broken, barrier.parties]).toEqual([0, false, N]);
});

test('C085: each party gets another index', () => {
  const barrier = new Barrier(N, null, patience);
  const indexes = RawArray('i', N);
  together(() => {
    Atomics.add(indexes, barrier.wait(), 1);
  });
  expect([...indexes]).toEqual(Array(N).fill(1));
});

test('C086: the action is called once, before anybody is released', () => {
  const calls = RawArray('i', 1);
  const barrier = new Barrier(N, () => Atomics.add(calls, 0, 1), patience);
  together(() => {
    barrier.wait();
    if (calls[0] !== 1) throw new Error('released before the action');
  });
  expect(calls[0]).toBe(1);
});

test('an action that fails breaks the barrier, and fails in its party', async () => {
  const action = (): void => {
    throw new Error('in the action');
  };
  const barrier = new Barrier({ parties: 3, action });
  const { children, counts } = waiting(barrier, 2, patience);
  await until(() => barrier.nWaiting === 2);
  expect(errorOf(() => barrier.wait())).toBe('Error: in the action');
  expect(await joinedAsync(children)).toEqual([0, 0]);
  expect([...counts, barrier.broken]).toEqual([0, 2, true]);
});

test('C087: abort() breaks it for all who wait, and who come later', async () => {
  const barrier = new Barrier(N, null, patience);
  const { children, counts } = waiting(barrier, N - 2);
  await until(() => barrier.nWaiting === N - 2);
  barrier.abort();
  expect(errorOf(() => barrier.wait())).toBe(broken);
  expect(await joinedAsync(children)).toEqual([0, 0, 0]);
  expect([...counts, barrier.broken]).toEqual([0, N - 2, true]);
});

test('reset() sends away those who wait; then it can be used again', async () => {
  const barrier = new Barrier(3, null, patience);
  const { children, counts } = waiting(barrier, 2);
  await until(() => barrier.nWaiting === 2);
  barrier.reset();
  expect(await joinedAsync(children)).toEqual([0, 0]);
  expect([...counts, barrier.broken, barrier.nWaiting]).toEqual([0, 2, false, 0]);
  const again = waiting(barrier, 2);
  expect(barrier.wait()).toBeLessThan(3);
  expect(joined(again.children)).toEqual([0, 0]);
  expect(again.counts[0]).toBe(2);
});

test('C089: an aborted barrier is reset and used again', () => {
  const barrier = new Barrier(N, null, patience);
  const other = new Barrier(N, null, patience);
  const counts = RawArray('i', 3);
  together((index) => {
    if (index === 0) {
      barrier.abort();
    } else if (errorOf(() => barrier.wait()) === broken) {
      Atomics.add(counts, 0, 1);
    }
    // All are out before it is reset, and it is reset before anybody comes back.
    if (other.wait() === 0) barrier.reset();
    other.wait();
    barrier.wait();
    Atomics.add(counts, 1, 1);
  });
  expect([...counts]).toEqual([N - 1, N, 0]);
});

test('C090: a party that is late breaks it for all', () => {
  const barrier = new Barrier(N);
  const counts = RawArray('i', 1);
  together((index) => {
    // The last one comes when the others have given up.
    while (index === 0 && Atomics.load(counts, 0) < N - 1)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    if (errorOf(() => barrier.wait(0.3)) === broken) Atomics.add(counts, 0, 1);
  });
  expect([counts[0], barrier.broken]).toEqual([N, true]);
});

test('C091: the timeout of the constructor is the default of wait()', () => {
  for (const barrier of [new Barrier(2, null, 0.1), new Barrier({ parties: 2, timeout: 0.1 })]) {
    const [seconds, error] = timed(() => errorOf(() => barrier.wait()));
    expect(error).toBe(broken);
    expect(seconds).toBeGreaterThan(0.095);
  }
});

test('C093: 1000 passes by 5 processes are never out of step', () => {
  const barrier = new Barrier(N, null, patience);
  const last = RawArray('i', N);
  together((index) => {
    for (let pass = 1; pass <= 1000; pass++) {
      last[index] = pass;
      barrier.wait();
      // Between two waits each party is in this pass, or on its way into the next one.
      for (const other of last) if (other !== pass && other !== pass + 1) process.exit(1);
    }
  });
  expect([...last]).toEqual(Array(N).fill(1000));
});

test('waitAsync(): several parties in one process', async () => {
  const barrier = new Barrier(4, null, patience);
  const { children } = waiting(barrier, 1);
  const indexes = await Promise.all([1, 2, 3].map(() => barrier.waitAsync()));
  expect(await joinedAsync(children)).toEqual([0]);
  expect(new Set(indexes).size).toBe(3);
  expect(await rejectionOf(barrier.waitAsync(0.02))).toBe(broken);
  expect(barrier.broken).toBe(true);
});

test('a party that is killed while it waits breaks the barrier', async () => {
  const barrier = new Barrier(3);
  const party = startedAfter(() => barrier.wait());
  await until(() => barrier.nWaiting === 1);
  const { children, counts } = waiting(barrier, 1);
  await until(() => barrier.nWaiting === 2);
  killed(party);
  expect(await joinedAsync(children)).toEqual([0]);
  expect([...counts, barrier.broken]).toEqual([0, 1, true]);
  barrier.reset();
  const again = waiting(barrier, 2);
  expect(barrier.wait(patience)).toBeLessThan(3);
  expect(joined(again.children)).toEqual([0, 0]);
});

test('reprs', () => {
  const barrier = new Barrier(2);
  expect(inspect(barrier)).toMatch(/^<Barrier at \S+: waiters=0\/2>$/);
  barrier.abort();
  expect(String(barrier)).toMatch(/^<Barrier at \S+: broken>$/);
});

test('one party never waits', () => {
  const barrier = new Barrier(1);
  expect([barrier.wait(), barrier.wait(0), barrier.nWaiting]).toEqual([0, 0, 0]);
});

test('wrong arguments', async () => {
  expect(errorOf(() => new Barrier('2' as never))).toMatch(/^TypeError: .* for parties/);
  expect(errorOf(() => new Barrier(0))).toBe('ValueError: parties must be > 0');
  expect(errorOf(() => new Barrier(2, 5 as never))).toMatch(/^TypeError: .* for action/);
  expect(errorOf(() => new Barrier(2, null, '1' as never))).toMatch(/^TypeError: .* for timeout/);
  const barrier = new Barrier(2);
  expect(errorOf(() => barrier.wait('1' as never))).toMatch(/^TypeError: .* for timeout/);
  expect(await rejectionOf(barrier.waitAsync(NaN))).toMatch(/^TypeError: .* for timeout/);
  expect([barrier.nWaiting, barrier.broken]).toEqual([0, false]);
});

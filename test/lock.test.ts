/** Lock and RLock. */

import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';

import { currentProcess, Lock, Process, RawArray, RawValue, RLock } from 'multiproc';

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

const tooMany = 'ValueError: semaphore or lock released too many times';
const notOwned = 'AssertionError: attempt to release recursive lock not owned by thread';

/** A child that holds the lock. */
async function holderOf(lock: Lock | RLock): Promise<Process> {
  const child = startedAfter(() => lock.acquire());
  await until(() => lock.locked());
  return child;
}

describe('reprs', () => {
  test('C057: a Lock names its owner', () => {
    const lock = new Lock();
    expect([inspect(lock), String(lock)]).toEqual(['<Lock(owner=None)>', '<Lock(owner=None)>']);
    lock.acquire();
    expect(inspect(lock)).toBe('<Lock(owner=MainProcess)>');
    lock.release();
    expect(inspect(lock)).toBe('<Lock(owner=None)>');
  });

  test('C059: a Lock of a child', async () => {
    const lock = new Lock();
    const shown = inChild(() => {
      currentProcess().name = 'P1';
      return lock.with(() => inspect(lock));
    });
    expect(shown).toBe('<Lock(owner=P1)>');
    const child = await holderOf(lock);
    expect(inspect(lock)).toBe('<Lock(owner=SomeOtherProcess)>');
    killed(child);
  });

  test('C062: an RLock names its owner and how often it is acquired', async () => {
    const lock = new RLock();
    expect(inspect(lock)).toBe('<RLock(None, 0)>');
    for (let depth = 0; depth < 3; depth++) lock.acquire();
    expect(String(lock)).toBe('<RLock(MainProcess, 3)>');
    expect(inChild(() => inspect(lock))).toBe('<RLock(SomeOtherProcess, nonzero)>');
    for (let depth = 0; depth < 3; depth++) lock.release();
    const shown = inChild(() => {
      currentProcess().name = 'P1';
      return lock.with(() => inspect(lock));
    });
    expect(shown).toBe('<RLock(P1, 1)>');
    const child = await holderOf(lock);
    expect(inspect(lock)).toBe('<RLock(SomeOtherProcess, nonzero)>');
    killed(child);
  });
});

test('C061: locked() is true for the holder and for others', async () => {
  const lock = new Lock();
  expect(lock.locked()).toBe(false);
  const seen = RawValue('i');
  const child = startedAfter(() => {
    lock.acquire();
    seen.value = lock.locked() ? 1 : 2;
  });
  await until(() => seen.value !== 0);
  expect([seen.value, lock.locked()]).toEqual([1, true]);
  killed(child);
});

test('C063: an RLock is released as often as it was acquired', () => {
  const lock = new RLock();
  for (let depth = 0; depth < 3; depth++) expect(lock.acquire()).toBe(true);
  for (let depth = 0; depth < 3; depth++) {
    expect(lock.locked()).toBe(true);
    lock.release();
  }
  expect(lock.locked()).toBe(false);
  expect(errorOf(() => lock.release())).toBe(notOwned);
});

test('a Lock is released once, by anybody', () => {
  const lock = new Lock();
  expect(errorOf(() => lock.release())).toBe(tooMany);
  expect([lock.acquire(), lock.acquire(false)]).toEqual([true, false]);
  expect(inChild(() => errorOf(() => lock.release()))).toBeNull();
  expect(lock.locked()).toBe(false);
  expect(errorOf(() => lock.release())).toBe(tooMany);
});

test('an RLock that the parent holds is not the child’s', () => {
  const lock = new RLock();
  lock.acquire();
  expect(inChild(() => [lock.acquire(false), errorOf(() => lock.release())])).toEqual([
    false,
    notOwned,
  ]);
  expect(lock.locked()).toBe(true);
  lock.release();
});

describe.each([
  ['Lock', Lock],
  ['RLock', RLock],
])('%s', (name, AnyLock) => {
  test('C065: hold() and with() hold it, and release it also after an error', () => {
    const lock = new AnyLock();
    {
      using held = lock.hold();
      expect([typeof held, lock.locked()]).toEqual(['object', true]);
    }
    expect(lock.locked()).toBe(false);
    expect(lock.with(() => lock.locked())).toBe(true);
    const failing = (): void =>
      lock.with(() => {
        throw new Error('in the body');
      });
    expect(errorOf(failing)).toBe('Error: in the body');
    expect(lock.locked()).toBe(false);
    expect(errorOf(() => lock.with(5 as never))).toMatch(
      /^TypeError: Expected a function for body/,
    );
  });

  test('withAsync() and holdAsync() too, until the promise of the body is settled', async () => {
    const lock = new AnyLock();
    const tick = (): Promise<boolean> =>
      new Promise((resolve) => setTimeout(() => resolve(lock.locked()), 5));
    expect(await lock.withAsync(tick)).toBe(true);
    expect(await lock.with(tick)).toBe(true);
    expect(lock.locked()).toBe(false);
    const failing = lock.withAsync(async () => {
      await tick();
      throw new Error('in the body');
    });
    expect(await rejectionOf(failing)).toBe('Error: in the body');
    {
      using held = await lock.holdAsync();
      expect([typeof held, lock.locked()]).toEqual(['object', true]);
    }
    expect(lock.locked()).toBe(false);
  });

  test('acquire() of a held one: not blocking, with a timeout, with options', async () => {
    const lock = new AnyLock();
    const child = await holderOf(lock);
    expect([lock.acquire(false), lock.acquire(false, 30)]).toEqual([false, false]);
    expect(lock.acquire({ block: false })).toBe(false);
    expect([lock.acquire(true, 0), lock.acquire(true, -5)]).toEqual([false, false]);
    for (const acquire of [() => lock.acquire(true, 0.1), () => lock.acquire({ timeout: 0.1 })]) {
      const [seconds, acquired] = timed(acquire);
      expect(acquired).toBe(false);
      expect(seconds).toBeGreaterThan(0.095);
    }
    expect(await lock.acquireAsync(false)).toBe(false);
    expect(await lock.acquireAsync(true, 0.02)).toBe(false);
    killed(child);
  });

  test('wrong arguments', async () => {
    const lock = new AnyLock();
    expect(errorOf(() => lock.acquire(1 as never))).toMatch(/^TypeError: Expected a boolean for/);
    expect(errorOf(() => lock.acquire(true, '1' as never))).toMatch(/^TypeError: .* for timeout/);
    expect(errorOf(() => lock.acquire(true, NaN))).toMatch(/^TypeError: .* for timeout/);
    expect(await rejectionOf(lock.acquireAsync(true, {} as never))).toMatch(/^TypeError: /);
    expect(lock.locked()).toBe(false);
  });

  test('one process at a time: parent, children and grandchildren', async () => {
    const lock = new AnyLock();
    const counter = RawArray('i', 1);
    const count = (): void => {
      for (let i = 0; i < 200; i++) {
        lock.acquire();
        const seen = counter[0]!;
        if (i % 20 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        counter[0] = seen + 1;
        lock.release();
      }
    };
    const children = startedMany(2, () => {
      const grandchild = started(count);
      count();
      if (joined([grandchild])[0] !== 0) process.exit(1);
    });
    count();
    expect(await joinedAsync(children)).toEqual([0, 0]);
    expect(counter[0]).toBe(1000);
  });

  test('acquireAsync() waits with the event loop free', async () => {
    const lock = new AnyLock();
    const go = RawValue('i');
    const child = started(() => {
      lock.acquire();
      go.wait(0, patience);
      lock.release();
    });
    await until(() => lock.locked());
    let acquired = false;
    const waiting = lock.acquireAsync().then(() => (acquired = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(acquired).toBe(false);
    go.store(1);
    go.notify();
    expect(await waiting).toBe(true);
    lock.release();
    expect(await joinedAsync([child])).toEqual([0]);
  });

  test.each([
    ['by acquire()', (lock: Lock | RLock) => errorOf(() => lock.acquire())],
    ['by acquire(false)', (lock: Lock | RLock) => errorOf(() => lock.acquire(false))],
    ['by acquireAsync()', (lock: Lock | RLock) => rejectionOf(lock.acquireAsync())],
  ])('a holder that was killed is told once, and the lock is free: %s', async (_how, acquire) => {
    const lock = new AnyLock();
    const child = await holderOf(lock);
    child.kill();
    // Not reaped before: a zombie has ended too.
    await until(() => !child.isAlive());
    expect(await acquire(lock)).toBe(
      `OwnerDiedError: [Errno 130] the process that held the ${name} has ended; ` +
        'what it protects may be half done',
    );
    expect(lock.locked()).toBe(false);
    expect([lock.acquire(), inspect(lock)]).toEqual([true, expect.stringContaining('MainProcess')]);
    lock.release();
  });

  test('those who wait while the holder is killed: one is told, all go on', async () => {
    const lock = new AnyLock();
    const counts = RawArray('i', 3);
    const child = await holderOf(lock);
    const children = startedMany(3, () => {
      Atomics.add(counts, 0, 1);
      try {
        lock.acquire();
        Atomics.add(counts, 1, 1);
        lock.release();
      } catch (error) {
        if ((error as { code?: string }).code !== 'EOWNERDEAD') throw error;
        Atomics.add(counts, 2, 1);
      }
    });
    await until(() => counts[0] === 3);
    killed(child);
    expect(await joinedAsync(children)).toEqual([0, 0, 0]);
    expect([...counts]).toEqual([3, 2, 1]);
    expect(lock.locked()).toBe(false);
  });

  test('a holder that ends without releasing counts as killed', () => {
    const lock = new AnyLock();
    expect(joined([started(() => lock.acquire())])).toEqual([0]);
    expect(errorOf(() => lock.acquire())).toMatch(/^OwnerDiedError/);
    expect(lock.acquire(false)).toBe(true);
    lock.release();
  });

  test('those who wait and are killed do not keep the lock from others', async () => {
    const lock = new AnyLock();
    const began = RawValue('i');
    lock.acquire();
    const children = startedMany(2, () => {
      began.add(1);
      lock.acquire();
    });
    await until(() => began.value === 2);
    for (const child of children) killed(child);
    lock.release();
    expect(lock.locked()).toBe(false);
    expect(inChild(() => lock.with(() => 'held'))).toBe('held');
  });
});

test('several acquireAsync() of one process get a Lock in turn', async () => {
  const lock = new Lock();
  lock.acquire();
  const order: number[] = [];
  const turns = Array.from({ length: 5 }, (_, index) =>
    lock.withAsync(async () => {
      order.push(index);
      await new Promise((resolve) => setTimeout(resolve, 2));
      order.push(index);
    }),
  );
  lock.release();
  await Promise.all(turns);
  expect(order.length).toBe(10);
  for (let turn = 0; turn < 10; turn += 2) expect(order[turn]).toBe(order[turn + 1]);
  expect(lock.locked()).toBe(false);
});

test('20 pending acquireAsync() leave the thread pool to others', async () => {
  const lock = new Lock();
  lock.acquire();
  const waiting = Array.from({ length: 20 }, () => lock.acquireAsync(true, patience));
  expect(await readFile(__filename, 'utf8')).toContain('leave the thread pool to others');
  lock.release();
  const turns = waiting.map((turn) =>
    turn.then((acquired) => {
      lock.release();
      return acquired;
    }),
  );
  expect(await Promise.all(turns)).toEqual(turns.map(() => true));
});

/** Pool: workers that die, tasks that are killed, what cannot cross. */

import {
  type AsyncResult,
  Event,
  Pool,
  posix,
  Process,
  TimeoutError,
  WorkerDiedError,
} from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { busySquare, startKiller } from './lib/killer';
import { isAlive, numbers, seeded, sleep, square, thrownBy, withPool } from './lib/pool';
import { until } from './lib/run';

afterEach(expectNoChildren);

const pid = (): number => process.pid;
const killSelf = (): void => {
  process.kill(process.pid, 'SIGKILL');
  sleep(20);
};

describe('a worker that dies fails its task only', () => {
  test('by a signal', () =>
    withPool(2, async (pool) => {
      const [lost, kept] = [pool.applyAsync(killSelf), pool.applyAsync(square, [3])];
      const error = thrownBy(() => lost.get(10)) as WorkerDiedError;
      expect(error).toBeInstanceOf(WorkerDiedError);
      expect(error).toMatchObject({ exitcode: -9, signal: 'SIGKILL' });
      expect(error.message).toBe(`Process ${error.pid} terminated abruptly by SIGKILL`);
      expect(isAlive(error.pid)).toBe(false);
      expect(await kept).toBe(9);
      expect(pool.stats()).toMatchObject({ failed: 1, deaths: 1, busy: 0 });
    }));

  test('by an exit code', () =>
    withPool(1, async (pool) => {
      const exits = (code: number): never => posix.exit(code);
      for (const code of [3, 0]) {
        const error = thrownBy(() => pool.apply(exits, [code])) as WorkerDiedError;
        expect(error).toMatchObject({ exitcode: code, signal: null });
        expect(error.message).toBe(
          `Process ${error.pid} terminated abruptly with exit code ${code}`,
        );
      }
      expect(await rejectionOf(pool.applyAsync(exits, [4]).then())).toMatch(/^WorkerDiedError/);
      expect(pool.map(square, numbers(9))).toEqual(numbers(9).map(square));
    }));

  test('though children of it live on', () =>
    withPool({ processes: 1, daemon: false }, (pool) => {
      const endless = pool.applyAsync(() => {
        const child = new Process({ target: () => sleep(8) });
        child.start();
        process.kill(process.pid, 'SIGKILL');
        sleep(20);
      });
      expect(errorOf(() => endless.get(5))).toMatch(/^WorkerDiedError/);
    }));

  test('other chunks of a map are done before its error', () =>
    withPool(2, (pool) => {
      const done = new Event();
      const task = (x: number): void => {
        if (x === 0) posix.exit(1);
        if (x === 9) done.set();
      };
      expect(errorOf(() => pool.map(task, numbers(10), 1))).toMatch(/^WorkerDiedError/);
      expect(done.isSet()).toBe(true);
    }));

  test('with retries it is begun anew', () =>
    withPool(1, (pool) => {
      const event = new Event();
      const diesOnce = (): string => {
        if (event.isSet()) return 'done';
        event.set();
        posix.exit(1);
      };
      expect(pool.applyAsync(diesOnce, [], { retries: 1 }).get()).toBe('done');
      expect(pool.stats()).toMatchObject({ retried: 1, completed: 1, failed: 0, deaths: 1 });
      const exits = (): never => posix.exit(1);
      const hopeless = pool.applyAsync(exits, [], { retries: 2 });
      expect(errorOf(() => hopeless.get())).toMatch(/^WorkerDiedError/);
      expect(pool.stats()).toMatchObject({ retried: 3, failed: 1, deaths: 4 });
    }));

  test('an error that a task throws is not retried', () =>
    withPool(1, (pool) => {
      const fail = (): never => {
        throw new Error('its own');
      };
      expect(errorOf(() => pool.applyAsync(fail, [], { retries: 3 }).get())).toBe('Error: its own');
      expect(pool.stats()).toMatchObject({ retried: 0, forks: 1 });
    }));
});

describe('tasks are killed', () => {
  test('after their timeout, blocking and awaited', () =>
    withPool(2, async (pool) => {
      const other = pool.apply(pid);
      const late = pool.applyAsync(sleep, [20], { timeout: 0.5, retries: 5 });
      expect(thrownBy(() => late.get())).toBeInstanceOf(TimeoutError);
      const awaited = pool.mapAsync(sleep, [20, 0], { timeout: 0.5 });
      expect(await rejectionOf(awaited.then())).toBe('TimeoutError: the task ran for 0.5 s');
      expect(pool.stats()).toMatchObject({ deaths: 2, retried: 0 });
      expect(typeof other).toBe('number');
      expect(pool.map(square, numbers(4))).toEqual([0, 1, 4, 9]);
    }));

  test('not when they ended in time while the parent was busy', () =>
    withPool(1, async (pool) => {
      pool.apply(square, [1]);
      const result = pool.applyAsync(square, [4], { timeout: 0.2 });
      sleep(0.5);
      expect(await result).toBe(16);
      expect(pool.stats().deaths).toBe(0);
    }));

  test('a timeout may be longer than timers of Node', () =>
    withPool(1, async (pool) => {
      expect(await pool.applyAsync(square, [4], { timeout: 1e8 })).toBe(16);
    }));

  test('by an AbortSignal, which ends waiting ones as well', () =>
    withPool(1, async (pool) => {
      const controller = new AbortController();
      const { signal } = controller;
      const warnings: Error[] = [];
      process.on('warning', (warning) => warnings.push(warning));
      const map = pool.mapAsync(sleep, Array(30).fill(20), { signal, chunksize: 1 });
      const after = pool.applyAsync(square, [3]);
      setTimeout(() => controller.abort(new RangeError('stop')), 50);
      expect(await rejectionOf(map.then())).toBe('RangeError: stop');
      expect(await after).toBe(9);
      expect(pool.stats()).toMatchObject({ deaths: 1, pending: 0 });
      expect(warnings).toEqual([]);
      process.removeAllListeners('warning');
    }));

  test('by a signal that was aborted before, without a worker', () =>
    withPool(1, (pool) => {
      const result = pool.applyAsync(square, [3], { signal: AbortSignal.abort(new Error('no')) });
      expect(errorOf(() => result.get())).toBe('Error: no');
      expect(pool.stats().forks).toBe(0);
    }));
});

describe('initializers', () => {
  test('C155: one is called once in each worker, with its arguments', () => {
    const text = 'TypeError: initializer must be a callable';
    expect(errorOf(() => new Pool({ initializer: 5 as never }))).toBe(text);
    const state: number[] = [];
    const initializer = (...args: number[]): void => void state.push(...args);
    return withPool({ processes: 2, initializer, initargs: [1, 2] }, (pool) => {
      expect(pool.map(() => state, numbers(6), 1)).toEqual(Array(6).fill([1, 2]));
      expect(state).toEqual([]);
    });
  });

  test('one that fails fails the pool, once', () => {
    const initializer = (): never => {
      throw new RangeError('not ready');
    };
    return withPool({ processes: 2, initializer }, async (pool) => {
      // Later calls may find it out themselves.
      const begin = async (x: number): Promise<number> => pool.applyAsync(square, [x]);
      const reasons = await Promise.all(numbers(10).map((x) => rejectionOf(begin(x))));
      expect(reasons).toEqual(Array(10).fill('RangeError: not ready'));
      expect(errorOf(() => pool.apply(square, [1]))).toBe('RangeError: not ready');
      expect(pool.stats()).toMatchObject({ forks: 2, workers: 0 });
    });
  });

  test('one that ends its worker fails the pool after some attempts', () =>
    withPool({ processes: 1, initializer: () => posix.exit(1) }, (pool) => {
      const error = thrownBy(() => pool.apply(square, [1]));
      expect(error.message).toBe('5 workers in a row ended before they began a task');
      expect(error.cause).toBeInstanceOf(WorkerDiedError);
    }));
});

describe('what cannot cross or throws concerns its own job', () => {
  test('C149: results that cannot be sent', () =>
    withPool(2, (pool) => {
      const worker = pool.apply(pid);
      const unsendable = (): unknown => () => 'function';
      for (let i = 0; i < 20; i++) {
        const error = thrownBy(() => pool.apply(unsendable));
        expect(error.constructor.name).toBe('MaybeEncodingError');
        expect(error.message).toBe(
          `Error sending result: '${error.value}'. Reason: '${error.exc}'`,
        );
        expect(error.value).toContain('Function');
        expect(error.exc).toMatch(/^PicklingError/);
      }
      expect(pool.stats().deaths).toBe(0);
      expect(isAlive(worker)).toBe(true);
    }));

  test('results that cannot be decoded', () =>
    withPool(1, async (pool) => {
      class Fragile extends Error {
        toJSON(): never {
          throw new Error('never');
        }
      }
      const fail = (): never => {
        throw new Fragile('fragile');
      };
      expect((await rejectionOf(pool.applyAsync(fail).then()))!).toContain('fragile');
      expect(pool.apply(square, [2])).toBe(4);
    }));

  test('a callback that throws is the error of its job', () =>
    withPool(1, async (pool) => {
      const callback = (): never => {
        throw new RangeError('in the callback');
      };
      const result = pool.applyAsync(square, [1], { callback });
      const next = pool.applyAsync(square, [2]);
      expect(errorOf(() => result.get())).toBe('RangeError: in the callback');
      expect(await next).toBe(4);
    }));

  test('a callback may block for other results', () =>
    withPool(1, (pool) => {
      pool.map(square, numbers(500), 1);
      const results: AsyncResult<number>[] = [];
      const callback = (): number => results[20]!.get(5);
      for (const x of numbers(40)) {
        results.push(pool.applyAsync(square, [x], x === 0 ? { callback } : {}));
      }
      expect(results.map((result) => result.get(5))).toEqual(numbers(40).map(square));
    }));
});

test('a callback may block for a result that no worker has been given yet', () =>
  withPool(1, (pool) => {
    const results: AsyncResult<void>[] = [];
    const callback = (): void => results[1]!.get(5);
    results.push(pool.applyAsync(sleep, [0.05], { callback }), pool.applyAsync(sleep, [0.01]));
    expect(errorOf(() => results[0]!.get(10))).toBeUndefined();
    expect(results[1]!.ready()).toBe(true);
  }));

describe('workers are killed at random', () => {
  const SQUARES = numbers(60).map(square);
  const isLost = (error: unknown): boolean => error instanceof WorkerDiedError;

  const busyCopy = (bytes: Buffer): Buffer => {
    busySquare(1);
    return Buffer.from(bytes);
  };

  const ways: Record<string, (pool: Pool) => void | Promise<void>> = {
    'map with retries'(pool) {
      expect(pool.map(busySquare, numbers(60), { chunksize: 1, retries: 9 })).toEqual(SQUARES);
    },
    async 'mapAsync with retries'(pool) {
      expect(await pool.mapAsync(busySquare, numbers(60), { retries: 9 })).toEqual(SQUARES);
    },
    'map without retries'(pool) {
      try {
        expect(pool.map(busySquare, numbers(60), 1)).toEqual(SQUARES);
      } catch (error) {
        if (!isLost(error)) throw error;
      }
    },
    async applyAsync(pool) {
      const results = numbers(60).map((x) => pool.applyAsync(busySquare, [x]));
      const settled = await Promise.allSettled(results);
      let lost = 0;
      settled.forEach((each, x) => {
        if (each.status === 'fulfilled') expect(each.value).toBe(x * x);
        else expect(isLost(each.reason) && ++lost).toBeTruthy();
      });
      // One task for each worker that died.
      expect(lost).toBeLessThanOrEqual(pool.stats().deaths);
    },
    async 'applyAsync of long buffers'(pool) {
      const filled = (x: number): Buffer => Buffer.alloc(50_000 + 10_000 * x, x);
      const bytes = filled(30);
      const results = numbers(30).map((x) => {
        // It is the task's own from the call on.
        filled(x).copy(bytes);
        return pool.applyAsync(busyCopy, [bytes.subarray(0, filled(x).length)]);
      });
      const settled = await Promise.allSettled(results);
      settled.forEach((each, x) => {
        if (each.status === 'fulfilled') expect(each.value.equals(filled(x))).toBe(true);
        else expect(isLost(each.reason)).toBe(true);
      });
    },
    imap(pool) {
      const iterator = pool.imap(busySquare, numbers(60));
      for (const x of numbers(60)) {
        try {
          expect(iterator.next(10).value).toBe(x * x);
        } catch (error) {
          if (!isLost(error)) throw error;
        }
      }
      expect(iterator.next(10).done).toBe(true);
    },
  };

  test.each(Object.keys(ways))('20 rounds of %s', (way) =>
    withPool(3, async (pool) => {
      for (let seed = 0; seed < 20; seed++) {
        pool.map(square, numbers(6), 1);
        const killer = startKiller(seeded(seed * 7919 + way.length));
        await ways[way]!(pool);
        killer.join(patience);
      }
      expect(pool.stats().deaths).toBeGreaterThan(0);
      expect(pool.map(square, numbers(5))).toEqual([0, 1, 4, 9, 16]);
    }),
  );

  test('an idle worker that is killed is replaced', () =>
    withPool(1, async (pool) => {
      const victim = pool.apply(pid);
      process.kill(victim, 'SIGKILL');
      await until(() => pool.apply(pid) !== victim);
      expect(pool.map(square, [1, 2, 3])).toEqual([1, 4, 9]);
    }));
});

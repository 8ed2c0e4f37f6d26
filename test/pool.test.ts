/** Pool: calls and maps, their results, any function. */

import { inspect } from 'node:util';

import { AsyncResult, Event, MapResult, Pool, TimeoutError } from 'multiproc';
import { serialize } from 'multiproc/serialization';

import { errorOf, expectNoChildren, rejectionOf } from './lib/child';
import { failingAfter, numbers, sleep, square, thrownBy, withPool } from './lib/pool';

afterEach(expectNoChildren);

describe('calls', () => {
  test('apply() passes arguments, and kwds as the last one', () =>
    withPool(2, (pool) => {
      const show = (...args: unknown[]): string => JSON.stringify(args);
      expect(pool.apply(show)).toBe('[]');
      expect(pool.apply(show, [1, 'two'], { three: 3 })).toBe('[1,"two",{"three":3}]');
      expect(pool.applyAsync(show, [1], { kwds: { two: 2 } }).get()).toBe('[1,{"two":2}]');
    }));

  test('tasks that wait keep their arguments as they were', () =>
    withPool(1, (pool) => {
      pool.applyAsync(sleep, [0.1]);
      const first = (each: number[]): number => each[0]!;
      const list = [0];
      const results = numbers(30).map((x) => {
        list[0] = x;
        return pool.applyAsync(first, [list]);
      });
      expect(results.map((result) => result.get())).toEqual(numbers(30));
    }));

  test('a task may be async', () =>
    withPool(1, async (pool) => {
      const later = async (x: number): Promise<number> => Promise.resolve(x + 1);
      expect(pool.apply(later, [1])).toBe(2);
      expect(await pool.mapAsync(later, [1, 2])).toEqual([2, 3]);
    }));

  test('results can be awaited, caught and got, also several times', () =>
    withPool(1, async (pool) => {
      const result = pool.applyAsync(square, [3]);
      expect(result).toBeInstanceOf(AsyncResult);
      expect([await result, await result, result.get()]).toEqual([9, 9, 9]);
      const failing = pool.applyAsync(() => {
        throw new RangeError('no');
      });
      expect(await failing.catch((error) => (error as Error).message)).toBe('no');
      expect(errorOf(() => failing.get())).toBe('RangeError: no');
      expect([result.successful(), failing.successful()]).toEqual([true, false]);
    }));

  test('C142: an error has its own class, and the stack of the worker', () =>
    withPool(1, (pool) => {
      function culprit(): never {
        throw new TypeError('remote');
      }
      const error = thrownBy(() => pool.apply(culprit));
      expect(error).toBeInstanceOf(TypeError);
      expect(inspect(error)).toContain('culprit');
    }));

  test('C129: get() and wait() give up after their time', () =>
    withPool(1, async (pool) => {
      const result = pool.applyAsync(sleep, [0.5]);
      const error = thrownBy(() => result.get(0.05));
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error.message).toBe('');
      result.wait(0.01);
      expect(result.ready()).toBe(false);
      expect(errorOf(() => result.successful())).toBe(
        'ValueError: <ApplyResult pending> not ready',
      );
      await result;
      expect(result.ready()).toBe(true);
    }));

  test('callbacks are called once, before get() returns', () =>
    withPool(2, (pool) => {
      const seen: unknown[] = [];
      const options = {
        callback: (value: unknown) => seen.push(value),
        errorCallback: (error: unknown) => seen.push((error as Error).message),
      };
      pool.applyAsync(square, [2], options).get();
      pool.mapAsync(square, [1, 2, 3], options).get();
      const fail = (): never => {
        throw new Error('bad');
      };
      pool.mapAsync(fail, [1, 2, 3], { ...options, chunksize: 1 }).wait();
      expect(seen).toEqual([4, [1, 4, 9], 'bad']);
    }));
});

describe('maps', () => {
  test('C121: map() gives results in order', () =>
    withPool(3, (pool) => {
      expect(pool.map(square, numbers(10))).toEqual(numbers(10).map(square));
      expect(pool.map(square, numbers(100), 20)).toEqual(numbers(100).map(square));
      expect(pool.map(square, new Set([1, 2]), { chunksize: 1 })).toEqual([1, 4]);
    }));

  const power = (x: number, y: number): number => x ** y;
  const pairs = numbers(100).map((x) => [x, 2] as const);
  const powers = pairs.map(([x, y]) => x ** y);

  test('C122: starmap() spreads lists of arguments', () =>
    withPool(2, (pool) => {
      expect(pool.starmap(power, pairs)).toEqual(powers);
      expect(pool.starmap(power, pairs, 20)).toEqual(powers);
    }));

  test('C123: starmapAsync() and mapAsync()', () =>
    withPool(2, async (pool) => {
      expect(pool.starmapAsync(power, pairs).get()).toEqual(powers);
      const result = pool.mapAsync(square, numbers(100));
      expect(result).toBeInstanceOf(MapResult);
      expect(await result).toEqual(numbers(100).map(square));
    }));

  test('C125: an item that cannot cross is an error of its map', () =>
    withPool(2, async (pool) => {
      const items = [1, () => undefined, 3];
      expect(errorOf(() => pool.map((x: unknown) => x, items))).toMatch(/^PicklingError/);
      expect(await rejectionOf(pool.mapAsync((x) => x, items, 1).then())).toMatch(/^PicklingError/);
      expect(errorOf(() => pool.apply((x: unknown) => x, [Symbol('s')]))).toMatch(/^PicklingError/);
      expect(pool.map(square, [1, 2])).toEqual([1, 4]);
    }));

  test('C126: nothing with a chunksize ends at once', () =>
    withPool(2, (pool) => {
      expect(pool.mapAsync(square, [], 1).get(5)).toEqual([]);
      expect(pool.stats().forks).toBe(0);
    }));

  test('C127, C141: an error of the input is thrown as it is, and the pool goes on', () =>
    withPool(2, (pool) => {
      for (const count of [0, 1, 5]) {
        const items = Object.assign(failingAfter(count), { length: 100 });
        const error = thrownBy(() => pool.map(square, items));
        expect(error).toBeInstanceOf(SyntaxError);
        expect(error.cause).toBeUndefined();
      }
      expect(pool.map(square, [3])).toEqual([9]);
    }));

  test('C138: of nothing comes nothing', () =>
    withPool(2, (pool) => {
      expect(pool.map(square, [])).toEqual([]);
      expect([...pool.imap(square, [])]).toEqual([]);
      expect([...pool.imapUnordered(square, [])]).toEqual([]);
      expect(pool.mapAsync(square, []).get()).toEqual([]);
    }));

  test('C143: map() waits for all items after an error, and huge errors do not block the end', () =>
    withPool(2, (pool) => {
      const begin = performance.now();
      const failOrWait = (x: number): void => {
        if (x === 0) throw new Error('x'.repeat(2 ** 20));
        sleep(0.3);
      };
      expect(thrownBy(() => pool.map(failOrWait, [0, 1], 1)).message).toHaveLength(2 ** 20);
      expect(performance.now() - begin).toBeGreaterThan(290);
      for (let i = 0; i < 4; i++) pool.applyAsync(failOrWait, [0]);
      pool.close();
      pool.join();
    }));
});

describe('any function', () => {
  test('one that is known costs no fork', () =>
    withPool(2, (pool) => {
      pool.map(square, numbers(10), 1);
      const { forks } = pool.stats();
      pool.map(square, numbers(10), 1);
      pool.apply(square, [1]);
      expect([...pool.imap(square, [2])]).toEqual([4]);
      expect(pool.stats().forks).toBe(forks);
    }));

  test('a closure made after the workers sees the state of its fork', () =>
    withPool(1, (pool) => {
      pool.apply(square, [1]);
      const state = { value: 'first' };
      const look = (): string => state.value;
      expect(pool.apply(look)).toBe('first');
      state.value = 'second';
      expect(pool.apply(look)).toBe('first');
      expect(pool.apply(() => state.value)).toBe('second');
      expect(pool.stats().forks).toBe(3);
      expect(pool.stats().deaths).toBe(0);
    }));

  test('a map with a closure forks once for each worker', () =>
    withPool(2, (pool) => {
      pool.map(square, numbers(8), 1);
      const { forks } = pool.stats();
      const offset = 100;
      expect(pool.map((x) => x + offset, numbers(50), 1)).toEqual(numbers(50).map((x) => x + 100));
      expect(pool.stats().forks).toBeLessThanOrEqual(forks + 2);
    }));

  test('a function that waits for its worker is not collected', () =>
    withPool(1, async (pool) => {
      const busy = pool.applyAsync(sleep, [0.2]);
      const results = numbers(20).map((x) => pool.applyAsync(() => x));
      // Fills the heap, so that what nobody refers to is collected.
      for (let i = 0; i < 50; i++) {
        Array.from({ length: 20_000 }, () => ({ i }));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await busy;
      expect(await Promise.all(results)).toEqual(numbers(20));
    }));
});

describe('arguments', () => {
  test('errors of the constructor', () => {
    const few = 'ValueError: Number of processes must be at least 1';
    const tasks = 'ValueError: maxtasksperchild must be a positive int or None';
    expect(errorOf(() => new Pool(0))).toBe(few);
    expect(errorOf(() => new Pool({ processes: -1 }))).toBe(few);
    expect(errorOf(() => new Pool(1, null, [], 0))).toBe(tasks);
    expect(errorOf(() => new Pool({ maxtasksperchild: 1.5 }))).toBe(tasks);
    expect(errorOf(() => new Pool({ processes: 'four' as never }))).toMatch(/^TypeError/);
    expect(errorOf(() => new Pool({ size: 4 } as never))).toMatch(/^TypeError/);
  });

  test('errors of calls', () =>
    withPool(1, (pool) => {
      expect(errorOf(() => pool.map(square, [1], 0))).toBe(
        'ValueError: Chunksize must be 1+, not 0',
      );
      expect(errorOf(() => pool.imap(square, [1], -1))).toBe(
        'ValueError: Chunksize must be 1+, not -1',
      );
      expect(errorOf(() => pool.apply('text' as never))).toMatch(/^TypeError/);
      expect(errorOf(() => pool.applyAsync(square, [1], { retries: -1 }))).toMatch(/^ValueError/);
      expect(errorOf(() => pool.applyAsync(square, [1], { tries: 1 } as never))).toMatch(
        /^TypeError/,
      );
      expect(errorOf(() => pool.imap(square, [1], { buffersize: 0 }))).toMatch(/^ValueError/);
      expect(errorOf(() => pool.join())).toBe('ValueError: Pool is still running');
      expect(errorOf(() => serialize(pool))).toBe(
        'NotImplementedError: pool objects cannot be passed between processes or pickled',
      );
    }));

  test('it shows its state', () => {
    const pool = new Pool(2);
    expect(inspect(pool)).toBe('<multiprocessing.pool.Pool state=RUN pool_size=2>');
    pool.close();
    expect(String(pool)).toBe('<multiprocessing.pool.Pool state=CLOSE pool_size=2>');
    pool.terminate();
    expect(String(pool)).toBe('<multiprocessing.pool.Pool state=TERMINATE pool_size=2>');
  });
});

test('a task is not kept behind one that waits for it', () => {
  const event = new Event();
  const pool = new Pool(2);
  const task = (what: string): string => {
    if (what === 'wait') event.wait();
    if (what === 'set') event.set();
    return what;
  };
  // From now on tasks of this function are given to workers in advance.
  pool.map(task, Array<string>(2000).fill('quick'), 1);
  for (const names of [
    ['a', 'wait', 'b', 'set'],
    ['wait', 'b', 'c', 'd', 'set', 'e'],
  ]) {
    event.clear();
    const results = names.map((name) => pool.applyAsync(task, [name]));
    expect(results.map((result) => result.get(20))).toEqual(names);
  }
  pool.terminate();
});

test('slow tasks among quick ones: each result is that of its task', () => {
  const pool = new Pool(2);
  const task = (x: number): number => {
    const end = x % 50 === 0 ? Date.now() + 8 : 0;
    while (Date.now() < end);
    return x + 1;
  };
  const items = [...Array(500).keys()];
  for (let round = 0; round < 3; round++) {
    expect(pool.map(task, items, 1)).toEqual(items.map((x) => x + 1));
  }
  pool.terminate();
});

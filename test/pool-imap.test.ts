/** Pool: imap(), imapUnordered() and progress. */

import { Pool, progressBar, TimeoutError } from 'multiproc';

import { errorOf, expectNoChildren, rejectionOf } from './lib/child';
import { endless, failingAfter, numbers, sleep, square, thrownBy, withPool } from './lib/pool';
import { runSource } from './lib/run';

afterEach(expectNoChildren);

/** The results before the error, and the error. */
function taken<T>(results: Iterable<T>): [T[], unknown] {
  const all: T[] = [];
  try {
    for (const each of results) all.push(each);
  } catch (error) {
    return [all, error];
  }
  return [all, null];
}

const sorted = (list: number[]): number[] => list.sort((a, b) => a - b);

test('C130: imap() in order, and then the end', () =>
  withPool(3, (pool) => {
    expect([...pool.imap(square, numbers(10))]).toEqual(numbers(10).map(square));
    const iterator = pool.imap(square, numbers(1000), 100);
    for (const i of numbers(1000)) expect(iterator.next().value).toBe(i * i);
    expect(iterator.next()).toEqual({ done: true, value: undefined });
    expect(iterator.next().done).toBe(true);
  }));

test('C131: an error of the first item of the input, several times', () =>
  withPool(2, (pool) => {
    for (let i = 0; i < 2; i++) {
      for (const way of ['imap', 'imapUnordered'] as const) {
        expect(thrownBy(() => pool[way](square, failingAfter(0)).next())).toBeInstanceOf(
          SyntaxError,
        );
      }
    }
  }));

test.each([
  [1, 7],
  [2, 6],
  [4, 4],
])('C133: with chunks of %d there are %d results before the error of the input', (size, count) =>
  withPool(2, (pool) => {
    const [results, error] = taken(pool.imap(square, failingAfter(7), size));
    expect(results).toEqual(numbers(count).map(square));
    expect(error).toBeInstanceOf(SyntaxError);
  }),
);

test('C134: imapUnordered() gives each result once', () =>
  withPool(3, (pool) => {
    for (const size of [1, 100]) {
      const results = [...pool.imapUnordered(square, numbers(1000), size)];
      expect(sorted(results)).toEqual(numbers(1000).map(square));
    }
  }));

test('C135: imapUnordered() gives some results, then the error of the input', () =>
  withPool(2, (pool) => {
    const [results, error] = taken(pool.imapUnordered(square, failingAfter(7)));
    expect(sorted(results)).toEqual(numbers(7).map(square));
    expect(error).toBeInstanceOf(SyntaxError);
  }));

test('imapUnordered() does not wait for the slow', () =>
  withPool(2, (pool) => {
    const slowFirst = (x: number): number => {
      if (x === 0) sleep(0.5);
      return x;
    };
    expect([...pool.imapUnordered(slowFirst, [0, 1, 2])].at(-1)).toBe(0);
  }));

test('C147: the input is read as far as the window, and may be endless', () =>
  withPool(2, (pool) => {
    for (const way of ['imap', 'imapUnordered'] as const) {
      const read = { count: 0 };
      const iterator = pool[way](square, endless(read), { buffersize: 3 });
      expect(read.count).toBeLessThanOrEqual(2 + 3);
      for (let i = 0; i < 20; i++) iterator.next();
      expect(read.count).toBeLessThanOrEqual(20 + 2 + 3);
    }
    const read = { count: 0 };
    pool.imap(square, endless(read)).next();
    expect(read.count).toBeLessThan(100);
  }));

test('C147: terminate() ends it', () => {
  const pool = new Pool(2);
  const iterator = pool.imap(square, endless({ count: 0 }), { buffersize: 2 });
  iterator.next();
  pool.terminate();
  // What was there before may still be taken.
  const errors = numbers(6).map(() => errorOf(() => iterator.next(5)));
  for (const error of errors.slice(3)) expect(error).toMatch(/^PoolTerminatedError/);
});

test('after the error of a task it goes on', () =>
  withPool(2, (pool) => {
    const odd = (x: number): number => {
      if (x % 2 === 0) throw new RangeError(`${x} is even`);
      return x;
    };
    const iterator = pool.imap(odd, [1, 2, 3]);
    expect(iterator.next().value).toBe(1);
    expect(errorOf(() => iterator.next())).toBe('RangeError: 2 is even');
    expect(iterator.next().value).toBe(3);
    expect(iterator.next().done).toBe(true);
  }));

test('next() gives up after its time, and the result is there later', () =>
  withPool(1, (pool) => {
    const iterator = pool.imap(sleep, [0.3]);
    expect(thrownBy(() => iterator.next(0.01))).toBeInstanceOf(TimeoutError);
    expect(iterator.next().done).toBe(false);
  }));

test('break ends the input and what has not begun', () =>
  withPool(1, (pool) => {
    let ended = false;
    function* input(): Generator<number> {
      try {
        yield* endless({ count: 0 });
      } finally {
        ended = true;
      }
    }
    for (const result of pool.imap(square, input())) if (result > 3) break;
    expect(ended).toBe(true);
    expect(pool.apply(square, [5])).toBe(25);
  }));

describe('on the event loop', () => {
  test('for await, over lists and over async input', () =>
    withPool(2, async (pool) => {
      const results: number[] = [];
      for await (const each of pool.imap(square, numbers(50), 7)) results.push(each);
      async function* input(): AsyncGenerator<number> {
        for (const i of numbers(50)) yield await Promise.resolve(i);
      }
      for await (const each of pool.imap(square, input(), 7)) results.push(each);
      expect(results).toEqual([...numbers(50), ...numbers(50)].map(square));
    }));

  test('a result does not wait for more input', () =>
    withPool(2, async (pool) => {
      let open!: () => void;
      const gate = new Promise<void>((resolve) => (open = resolve));
      async function* input(): AsyncGenerator<number> {
        yield 2;
        await gate;
        yield 3;
      }
      const iterator = pool.imap(square, input());
      expect((await iterator.nextAsync()).value).toBe(4);
      open();
      expect((await iterator.nextAsync()).value).toBe(9);
      expect((await iterator.nextAsync()).done).toBe(true);
    }));

  test('an async input can fail, and cannot be read blocking', () =>
    withPool(1, async (pool) => {
      async function* input(): AsyncGenerator<number> {
        yield await Promise.resolve(1);
        throw new SyntaxError('the input fails');
      }
      const iterator = pool.imap(square, input());
      expect(errorOf(() => iterator.next())).toMatch(/^TypeError: an async iterable/);
      expect((await iterator.nextAsync()).value).toBe(1);
      expect(await rejectionOf(iterator.nextAsync())).toBe('SyntaxError: the input fails');
    }));

  test('an async input is read as far as the window', () =>
    withPool(2, async (pool) => {
      const read = { count: 0 };
      async function* input(): AsyncGenerator<number> {
        for (;;) yield await Promise.resolve(read.count++);
      }
      const iterator = pool.imap(square, input(), { buffersize: 3 });
      for (const i of numbers(10)) expect((await iterator.nextAsync()).value).toBe(i * i);
      expect(read.count).toBeLessThanOrEqual(10 + 3 + 2);
      iterator.return();
    }));

  test('several calls of nextAsync() at once', () =>
    withPool(2, async (pool) => {
      const iterator = pool.imap(square, [1, 2, 3]);
      const all = await Promise.all(numbers(4).map(() => iterator.nextAsync()));
      expect(all.map(({ value }) => value)).toEqual([1, 4, 9, undefined]);
    }));
});

describe('progress', () => {
  test('onProgress counts items to their total', () =>
    withPool(2, (pool) => {
      const seen: [number, number][] = [];
      const onProgress = (done: number, total: number): number => seen.push([done, total]);
      pool.map(square, numbers(10), { chunksize: 3, onProgress });
      expect(seen.map(([, total]) => total)).toEqual([10, 10, 10, 10]);
      expect(seen.at(-1)).toEqual([10, 10]);
      seen.length = 0;
      expect([...pool.imap(square, new Set([1, 2]), { onProgress })]).toEqual([1, 4]);
      expect(seen).toEqual([
        [1, Infinity],
        [2, Infinity],
      ]);
    }));

  test('what onProgress throws is the error of its own job', () =>
    withPool(2, (pool) => {
      const onProgress = (): never => {
        throw new Error('no progress');
      };
      expect(errorOf(() => pool.map(square, [1, 2], { onProgress }))).toBe('Error: no progress');
      const [results, error] = taken(pool.imap(square, [1, 2], { onProgress }));
      expect(results).toEqual([1, 4]);
      expect(error).toMatchObject({ message: 'no progress' });
      expect(pool.apply(square, [3])).toBe(9);
    }));

  const program = `
    const { Pool, progressBar } = require('multiproc');
    const pool = new Pool(1);
    pool.map((x) => x, [1, 2, 3], { onProgress: progressBar('working') });
    pool.terminate();`;

  test('progressBar() draws nothing where there is no terminal', async () => {
    expect(typeof progressBar()).toBe('function');
    expect(await runSource(program)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('progressBar() draws on a terminal', async () => {
    const terminal = `Object.defineProperty(process.stderr, 'isTTY', { value: true });
      for (const name of ['cursorTo', 'clearLine', 'moveCursor']) process.stderr[name] ??= () => true;`;
    const ended = await runSource(terminal + program);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(/working .*100% \| 3\/3/);
  });
});

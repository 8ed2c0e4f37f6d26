/** ProcessPoolExecutor.map(). */

import {
  BrokenProcessPool,
  Event,
  posix,
  ProcessPoolExecutor,
  TimeoutError,
  Value,
} from 'multiproc';
import type { ExecutorResults } from 'multiproc/futures';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { identity, makeGate, withExecutor } from './lib/futures';
import { endless, failingAfter, numbers, sleep, square, thrownBy } from './lib/pool';
import { runSource, until } from './lib/run';

afterEach(expectNoChildren);

const timeout = patience;
const add = (a: number, b: number): number => a + b;
const failsAt2And5 = (x: number): number => {
  if (x === 2 || x === 5) throw new RangeError(`at ${x}`);
  return x;
};

/** What each next() gives until the end, errors as texts. */
function outcomes(results: ExecutorResults<unknown>): unknown[] {
  const all: unknown[] = [];
  for (;;) {
    const error = errorOf(() => {
      const { done, value } = results.next();
      all.push(done ? 'end' : value);
    });
    if (error !== undefined) all.push(error);
    if (all.at(-1) === 'end') return all.slice(0, -1);
  }
}

async function outcomesAsync(results: ExecutorResults<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for (;;) {
    const error = await rejectionOf(
      results.nextAsync().then(({ done, value }) => all.push(done ? 'end' : value)),
    );
    if (error !== undefined) all.push(error);
    if (all.at(-1) === 'end') return all.slice(0, -1);
  }
}

describe('results', () => {
  test('are in order, of several iterables, and end with the shortest', () =>
    withExecutor(2, async (executor) => {
      expect([...executor.map(add, [1, 2, 3], [10, 20], { timeout })]).toEqual([11, 22]);
      expect([...executor.map(square, new Set(numbers(50)), { timeout })]).toEqual(
        numbers(50).map(square),
      );
      const awaited: number[] = [];
      for await (const x of executor.map<number>(square, numbers(50), { timeout })) awaited.push(x);
      expect(awaited).toEqual(numbers(50).map(square));
    }));

  test.each([1, 2, 3, 4, 8, 9, 100])(
    'C321: next() after an error goes on with later items, with chunks of %d',
    (chunksize) =>
      withExecutor(2, async (executor) => {
        const expected = [0, 1, 'RangeError: at 2', 3, 4, 'RangeError: at 5', 6, 7];
        const map = (): ExecutorResults<unknown> =>
          executor.map(failsAt2And5, numbers(8), { chunksize, timeout });
        expect(outcomes(map())).toEqual(expected);
        expect(await outcomesAsync(map())).toEqual(expected);
      }),
  );

  test('C321: a loop gets the results before the error, and the error', () =>
    withExecutor(2, (executor) => {
      const seen: number[] = [];
      const loop = (): void => {
        for (const x of executor.map<number>(failsAt2And5, numbers(8), { timeout })) seen.push(x);
      };
      expect(errorOf(loop)).toBe('RangeError: at 2');
      expect(seen).toEqual([0, 1]);
    }));

  test('C321: a worker that dies fails the calls of its chunk', () =>
    withExecutor(1, (executor) => {
      const dies = (x: number): number => (x === 3 ? posix.exit(1) : x);
      const results = executor.map<number>(dies, numbers(8), { chunksize: 2, timeout });
      expect([results.next().value, results.next().value]).toEqual([0, 1]);
      for (let i = 0; i < 2; i++) {
        expect(thrownBy(() => results.next())).toBeInstanceOf(BrokenProcessPool);
      }
      expect(outcomes(results)).toEqual([4, 5, 6, 7]);
    }));

  test('C379: the work begins though nobody iterates', () =>
    withExecutor(2, async (executor) => {
      const finished = numbers(8).map(() => new Event());
      executor.map((x: number) => finished[x]!.set(), numbers(8), { timeout });
      await until(() => finished.every((event) => event.isSet()));
    }));

  test('return() cancels what no worker has been given', () =>
    withExecutor(1, async (executor) => {
      const [gate, begun] = [makeGate(), new Value('i', 0)];
      const counting = (x: number): number => {
        begun.value += 1;
        return gate.pass(x);
      };
      const results = executor.map<number>(counting, numbers(9), { timeout });
      const after = executor.submit(identity, 'after');
      results.return();
      gate.open();
      expect(await after).toBe('after');
      expect(begun.value).toBe(1);
      expect([results.next().done, (await results.nextAsync()).done]).toEqual([true, true]);
    }));
});

describe('the timeout', () => {
  const throwing = (x: number): number => {
    if (x === 1) throw new TimeoutError('of the function');
    return x;
  };

  test.each([1, 3])('C322: a TimeoutError of the function is not that of map()', (chunksize) =>
    withExecutor(1, async (executor) => {
      const expected = [0, 'TimeoutError: of the function', 2, 3];
      const map = (): ExecutorResults<unknown> =>
        executor.map(throwing, numbers(4), { chunksize, timeout });
      expect(outcomes(map())).toEqual(expected);
      expect(await outcomesAsync(map())).toEqual(expected);
    }),
  );

  test.each(['next', 'nextAsync'] as const)(
    'C323: it cancels the rest and ends the iterator of %s()',
    (next) =>
      withExecutor(1, async (executor) => {
        const [gate, begun] = [makeGate(), new Value('i', 0)];
        const slow = (x: number): number => {
          begun.value += 1;
          if (x > 0) return gate.pass(x);
          // Long enough for the worker to be given no other in advance.
          sleep(0.01);
          return x;
        };
        const results = executor.map<number>(slow, numbers(9), { timeout: 1.5 });
        const take = async (): Promise<unknown> => results[next]();
        expect(await take()).toEqual({ done: false, value: 0 });
        expect(await rejectionOf(take())).toMatch(/^TimeoutError/);
        for (let i = 0; i < 2; i++) expect(await take()).toEqual({ done: true, value: undefined });
        const after = executor.submit(identity, 'after');
        gate.open();
        expect(await after).toBe('after');
        expect(begun.value).toBe(2);
      }),
  );

  test('C323: it counts from the call of map()', () =>
    withExecutor(1, (executor) => {
      const gate = makeGate();
      const results = executor.map(gate.pass, [1], { timeout: 1 });
      sleep(1);
      const begin = performance.now();
      expect(errorOf(() => results.next())).toMatch(/^TimeoutError/);
      expect(performance.now() - begin).toBeLessThan(900);
      gate.open();
    }));
});

describe('buffersize', () => {
  test('C325: its type and its value', () =>
    withExecutor(1, (executor) => {
      const given = (buffersize: unknown): string | undefined =>
        errorOf(() => executor.map(identity, [], { buffersize }));
      for (const wrong of ['1', 1.5, true, [], NaN, Infinity]) {
        expect(given(wrong)).toBe('TypeError: buffersize must be an integer or None');
      }
      for (const wrong of [0, -1]) {
        expect(given(wrong)).toBe('ValueError: buffersize must be None or > 0');
      }
      for (const right of [1, 5, null, undefined]) expect(given(right)).toBeUndefined();
    }));

  test.each([1, 2, 4, 7, 8])('C326: with %d the results are the same', (buffersize) =>
    withExecutor(2, async (executor) => {
      const options = { buffersize, timeout };
      expect([...executor.map(square, numbers(4), options)]).toEqual([0, 1, 4, 9]);
      expect([...executor.map(add, numbers(4), numbers(9), options)]).toEqual([0, 2, 4, 6]);
      expect([...executor.map(square, [], options)]).toEqual([]);
      expect([...executor.map(square, options)]).toEqual([]);
      expect([...executor.map(square, numbers(7), { ...options, chunksize: 3 })]).toEqual(
        numbers(7).map(square),
      );
      expect(await outcomesAsync(executor.map(failsAt2And5, numbers(4), options))).toEqual([
        0,
        1,
        'RangeError: at 2',
        3,
      ]);
    }),
  );

  test.each([
    [1, 1],
    [4, 1],
    [3, 5],
  ])('C326: %d chunks of %d are read ahead, and no more', (buffersize, chunksize) =>
    withExecutor(2, (executor) => {
      const read = { count: 0 };
      const options = { buffersize, chunksize, timeout };
      const results = executor.map<number>(add, endless(read), numbers(1000), options);
      const ahead = buffersize * chunksize;
      expect(read.count).toBe(ahead);
      for (const x of numbers(4 * chunksize)) {
        expect(results.next().value).toBe(2 * x);
        expect(read.count).toBe(ahead + chunksize * Math.floor((x + 1) / chunksize));
      }
      results.return();
    }),
  );
});

test.each([1, 2, 3, 6, 9, 10, 11, 100])('C334: chunks of %d', (chunksize) =>
  withExecutor(2, (executor) => {
    const options = { chunksize, timeout };
    expect([...executor.map(square, numbers(10), options)]).toEqual(numbers(10).map(square));
    expect([...executor.map(add, numbers(10), numbers(8), options)]).toEqual(
      numbers(8).map((x) => 2 * x),
    );
  }),
);

test('C334: a chunksize below 1, and other options', () =>
  withExecutor(1, (executor) => {
    for (const chunksize of [0, -1, 1.5]) {
      expect(errorOf(() => executor.map(identity, [1], { chunksize }))).toBe(
        'ValueError: chunksize must be >= 1.',
      );
    }
    expect(errorOf(() => executor.map(identity, [1], { chunkSize: 1 }))).toMatch(/^TypeError/);
    expect(errorOf(() => executor.map(identity, 5))).toMatch(/^TypeError/);
    expect(errorOf(() => executor.map(5 as never, [1]))).toMatch(/^TypeError: Expected a function/);
  }));

test('C327: a shutdown right after map() does not hang, and all is done', () => {
  const executor = new ProcessPoolExecutor(2);
  const results = executor.map(String, Array(3).fill(2), { timeout });
  executor.shutdown();
  expect([...results]).toEqual(['2', '2', '2']);
});

test('C327: nor does the end of the program', async () => {
  const ended = await runSource(`
    const { ProcessPoolExecutor } = require('multiproc');
    new ProcessPoolExecutor(2).map(String, [2, 2, 2]);
    process.exit();`);
  expect(ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

describe('an error of the input', () => {
  test('is that of map() while the first items are read, and cancels them', () =>
    withExecutor(1, (executor) => {
      expect(errorOf(() => executor.map(square, failingAfter(3), { timeout }))).toBe(
        'SyntaxError: the input fails',
      );
      expect(errorOf(() => executor.map(square, failingAfter(0), { buffersize: 1 }))).toBe(
        'SyntaxError: the input fails',
      );
      expect(executor.submit(square, 3).result(patience)).toBe(9);
    }));

  test('later comes after the results of what was read before', () =>
    withExecutor(2, async (executor) => {
      const map = (): ExecutorResults<unknown> =>
        executor.map(square, failingAfter(4), { buffersize: 2, timeout });
      const expected = [0, 1, 4, 9, 'SyntaxError: the input fails'];
      expect(outcomes(map())).toEqual(expected);
      expect(await outcomesAsync(map())).toEqual(expected);
    }));
});

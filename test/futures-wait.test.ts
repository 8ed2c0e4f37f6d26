/** wait(), waitAsync() and asCompleted(). */

import { futures } from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { type AnyFuture, identity, inState, makeGate, withExecutor } from './lib/futures';
import { numbers } from './lib/pool';

const { ALL_COMPLETED, asCompleted, FIRST_COMPLETED, FIRST_EXCEPTION, wait, waitAsync } = futures;

afterEach(expectNoChildren);

const fail = (): never => {
  throw new RangeError('bad');
};

/** The indices of the futures that are in the set. */
function indices(all: readonly AnyFuture[], set: ReadonlySet<AnyFuture>): number[] {
  return numbers(all.length).filter((index) => set.has(all[index]!));
}

/** Both ways to wait: they have to do the same. */
const ways: [
  string,
  (...args: Parameters<typeof wait<any>>) => ReturnType<typeof waitAsync<any>>,
][] = [
  ['wait', (...args) => Promise.resolve(wait<any>(...args))],
  ['waitAsync', (...args) => waitAsync<any>(...args)],
];

describe.each(ways)('%s()', (_, waiting) => {
  /** What is done and what is not, by index. */
  async function outcome(
    all: readonly AnyFuture[],
    timeout: number,
    returnWhen?: futures.ReturnWhen,
  ): Promise<number[][]> {
    const { done, notDone } = await waiting(all, timeout, returnWhen);
    expect(done.size + notDone.size).toBe(new Set(all).size);
    return [indices(all, done), indices(all, notDone)];
  }

  test('C306: duplicates are returned once', () =>
    withExecutor(1, async (executor) => {
      const future = executor.submit(identity, 1);
      const { done, notDone } = await waiting([future, future, future], patience, ALL_COMPLETED);
      expect([done.size, done.has(future), notDone.size]).toEqual([1, true, 0]);
      const pending = inState.pending();
      expect((await waiting([pending, pending], 0)).notDone.size).toBe(1);
    }));

  test('C307: returns with the first one; one that is merely cancelled is not done', () =>
    withExecutor(2, async (executor) => {
      const gate = makeGate();
      const all = [
        inState.cancelled(),
        executor.submit(gate.pass, 1),
        executor.submit(identity, 2),
      ];
      expect(await outcome(all, patience, FIRST_COMPLETED)).toEqual([[2], [0, 1]]);
      gate.open();
    }));

  test('C307: those that were done before are among them, and it waits for no other', () =>
    withExecutor(1, async (executor) => {
      const gate = makeGate();
      const all = [
        inState.notified(),
        inState.finished(),
        inState.failed(),
        executor.submit(gate.pass, 1),
      ];
      expect(await outcome(all, patience, FIRST_COMPLETED)).toEqual([[0, 1, 2], [3]]);
      gate.open();
    }));

  test('C309: returns with the first error, and with those that ended before', () =>
    withExecutor(3, async (executor) => {
      const [gate, trigger] = [makeGate(), makeGate()];
      const failLater = (): never => {
        trigger.pass(null);
        return fail();
      };
      const all = [
        executor.submit(identity, 1),
        executor.submit(failLater),
        executor.submit(gate.pass, 2),
      ];
      all[0]!.addDoneCallback(() => trigger.open());
      expect(await outcome(all, patience, FIRST_EXCEPTION)).toEqual([[0, 1], [2]]);
      gate.open();
    }));

  test('C310: cancelled and finished ones are no errors', () =>
    withExecutor(2, async (executor) => {
      const gate = makeGate();
      const all = [
        inState.finished(),
        inState.cancelled(),
        inState.notified(),
        executor.submit(fail),
        executor.submit(gate.pass, 1),
      ];
      expect(await outcome(all, patience, FIRST_EXCEPTION)).toEqual([
        [0, 2, 3],
        [1, 4],
      ]);
      gate.open();
    }));

  test('C310: returns at once if one has failed already', () =>
    withExecutor(1, async (executor) => {
      const gate = makeGate();
      const all = [inState.failed(), executor.submit(gate.pass, 1)];
      expect(await outcome(all, patience, FIRST_EXCEPTION)).toEqual([[0], [1]]);
      gate.open();
    }));

  test('C310: without an error it waits for all', () =>
    withExecutor(2, async (executor) => {
      const all = numbers(5).map((x) => executor.submit(identity, x));
      expect(await outcome(all, patience, FIRST_EXCEPTION)).toEqual([[0, 1, 2, 3, 4], []]);
    }));

  test('C311: every end counts', () =>
    withExecutor(2, async (executor) => {
      const all = [
        inState.finished(),
        inState.notified(),
        inState.failed(),
        executor.submit(identity, 1),
        executor.submit(fail),
      ];
      expect(await outcome(all, patience)).toEqual([[0, 1, 2, 3, 4], []]);
    }));

  test('a timeout is no error', () =>
    withExecutor(2, async (executor) => {
      const gate = makeGate();
      const quick = executor.submit(identity, 1);
      await quick;
      const all = [inState.finished(), quick, executor.submit(gate.pass, 1), inState.cancelled()];
      for (const timeout of [0, 0.02]) {
        expect(await outcome(all, timeout)).toEqual([
          [0, 1],
          [2, 3],
        ]);
      }
      gate.open();
    }));

  test('C313: a hundred that end at once lose no wake-up', () =>
    withExecutor(4, async (executor) => {
      const gate = makeGate();
      const all = numbers(100).map((x) => executor.submit(gate.pass, x));
      gate.open();
      expect(await outcome(all, patience)).toEqual([numbers(100), []]);
      expect(all.map((future) => future.result(0))).toEqual(numbers(100));
    }));

  test('arguments', async () => {
    expect(await outcome([], patience, FIRST_COMPLETED)).toEqual([[], []]);
    expect(await rejectionOf((async () => waiting([], 0, 'x' as never))())).toBe(
      "ValueError: Invalid return condition: 'x'",
    );
    expect(await rejectionOf((async () => waiting([5 as never], 0))())).toMatch(
      /^TypeError: Expected a Future for futures/,
    );
  });
});

test('C313: several wait for the same hundred', () =>
  withExecutor(2, async (executor) => {
    const gate = makeGate();
    const all = numbers(100).map((x) => executor.submit(gate.pass, x));
    const waits = numbers(5).map(() => waitAsync(all, patience));
    const each = all.map((future) => future.then());
    gate.open();
    for (const { done } of await Promise.all(waits)) expect(done.size).toBe(100);
    expect(await Promise.all(each)).toEqual(numbers(100));
  }));

test('waits for futures of several executors', () =>
  withExecutor(1, (one) =>
    withExecutor(1, (other) => {
      const all = [one.submit(identity, 1), other.submit(identity, 2)];
      expect(wait(all, patience).notDone.size).toBe(0);
      expect([...asCompleted(all, patience)].map((future) => future.result(0)).sort()).toEqual([
        1, 2,
      ]);
    }),
  ));

/** What asCompleted() yields, and the error in the end, if there is one. */
type Yielded = [AnyFuture[], string | undefined];

const iterations: [string, (all: readonly AnyFuture[], timeout?: number) => Promise<Yielded>][] = [
  [
    'for...of',
    (all, timeout) => {
      const seen: AnyFuture[] = [];
      const error = errorOf(() => {
        for (const future of asCompleted(all, timeout)) seen.push(future);
      });
      return Promise.resolve([seen, error]);
    },
  ],
  [
    'for await',
    async (all, timeout) => {
      const seen: AnyFuture[] = [];
      const error = await rejectionOf(
        (async () => {
          for await (const future of asCompleted(all, timeout)) seen.push(future);
        })(),
      );
      return [seen, error];
    },
  ],
];

describe.each(iterations)('asCompleted() by %s', (_, iterate) => {
  test('C314: yields all, in whatever way they end', () =>
    withExecutor(2, async (executor) => {
      const all = [
        inState.notified(),
        inState.failed(),
        inState.finished(),
        executor.submit(identity, 7),
        executor.submit(fail),
      ];
      const [seen, error] = await iterate(all, patience);
      expect(error).toBeUndefined();
      expect(indices(all, new Set(seen))).toEqual([0, 1, 2, 3, 4]);
      expect(seen).toHaveLength(5);
      // Those that were done before come first.
      expect(indices(seen, new Set(all.slice(0, 3)))).toEqual([0, 1, 2]);
    }));

  test('C314: without a timeout, in the order of the ends', () =>
    withExecutor(2, async (executor) => {
      const gate = makeGate();
      const [last, first] = [executor.submit(gate.pass, 1), executor.submit(identity, 2)];
      first.addDoneCallback(() => gate.open());
      const [seen, error] = await iterate([last, first]);
      expect(error).toBeUndefined();
      expect(seen.map((future) => future.result(0))).toEqual([2, 1]);
    }));

  test.each([0, 0.1])('C315: with a timeout of %d those that are done come before it', (timeout) =>
    withExecutor(1, async (executor) => {
      const gate = makeGate();
      const slow = executor.submit(gate.pass, 1);
      const done = [inState.notified(), inState.failed(), inState.finished()];
      const [seen, error] = await iterate([slow, ...done], timeout);
      expect(indices(done, new Set(seen))).toEqual([0, 1, 2]);
      expect(seen).toHaveLength(3);
      expect(error).toBe('TimeoutError: 1 (of 4) futures unfinished');
      gate.open();
    }),
  );

  test('C318: the error counts those that are not done', async () => {
    const all = [inState.finished(1), inState.pending(), inState.finished(2), inState.running()];
    const [seen, error] = await iterate(all, 0);
    expect(seen.map((future) => future.result(0))).toEqual([1, 2]);
    expect(error).toBe('TimeoutError: 2 (of 4) futures unfinished');
  });

  test('each once, though it is given twice', () =>
    withExecutor(1, async (executor) => {
      const future = executor.submit(identity, 1);
      const [seen, error] = await iterate([future, future], patience);
      expect([seen.length, error]).toEqual([1, undefined]);
    }));
});

/** ProcessPoolExecutor: its workers are killed at random. */

import { BrokenProcessPool, type ProcessPoolExecutor } from 'multiproc';

import { expectNoChildren, patience } from './lib/child';
import { type AnyFuture, withExecutor } from './lib/futures';
import { busySquare, startKiller } from './lib/killer';
import { numbers, seeded, square } from './lib/pool';

afterEach(expectNoChildren);

const COUNT = 60;
const CHUNK = 4;
const SQUARES = numbers(COUNT).map(square);

/** The indices of what was lost; everything else has to be right. */
function lostOf(calls: readonly (() => number)[]): number[] {
  return numbers(calls.length).filter((index) => {
    try {
      expect(calls[index]!()).toBe(SQUARES[index]);
      return false;
    } catch (error) {
      if (!(error instanceof BrokenProcessPool)) throw error;
      expect(error).toMatchObject({ exitcode: -9, signal: 'SIGKILL' });
      return true;
    }
  });
}

function submitAll(executor: ProcessPoolExecutor): AnyFuture[] {
  return numbers(COUNT).map((x) => executor.submit(busySquare, x));
}

/** Each returns how many tasks were lost. */
const ways: Record<string, (executor: ProcessPoolExecutor) => number | Promise<number>> = {
  async 'submit(), awaited'(executor) {
    const all = submitAll(executor);
    await Promise.allSettled(all);
    return lostOf(all.map((future) => () => future.result(0))).length;
  },
  'submit(), blocking'(executor) {
    return lostOf(submitAll(executor).map((future) => () => future.result(patience))).length;
  },
  'map() with chunks'(executor) {
    const options = { chunksize: CHUNK, timeout: patience };
    const results = executor.map<number>(busySquare, numbers(COUNT), options);
    const lost = lostOf(numbers(COUNT).map(() => () => results.next().value!));
    expect(results.next().done).toBe(true);
    // A chunk is lost as a whole.
    const chunks = new Set(lost.map((index) => Math.floor(index / CHUNK)));
    expect(lost).toHaveLength(CHUNK * chunks.size);
    return chunks.size;
  },
  'submitWith() retries'(executor) {
    const all = numbers(COUNT).map((x) => executor.submitWith({ retries: 9 }, busySquare, x));
    expect(all.map((future) => future.result(patience))).toEqual(SQUARES);
    return 0;
  },
};

test.each(Object.keys(ways))(
  '25 rounds of %s',
  (way) =>
    withExecutor(3, async (executor) => {
      let deaths = 0;
      for (let seed = 0; seed < 25; seed++) {
        expect([...executor.map(square, numbers(6), { timeout: patience })]).toHaveLength(6);
        const killer = startKiller(seeded(seed * 7919 + way.length));
        const lost = await ways[way]!(executor);
        killer.join(patience);
        // One task for each worker that died, at most.
        expect(lost).toBeLessThanOrEqual(killer.exitcode!);
        deaths += killer.exitcode!;
      }
      expect(deaths).toBeGreaterThan(0);
      expect(executor.submit(square, 5).result(patience)).toBe(25);
    }),
  60_000,
);

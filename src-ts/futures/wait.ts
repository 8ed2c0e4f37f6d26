/** Waiting for several futures. */

import { checkedTimeout } from '../arguments';
import { expected, TimeoutError, ValueError } from '../errors';
import type { Crew } from '../pool/crew';
import { drive } from '../pool/drive';
import { afterSeconds } from '../timer';
import { Future } from './future';

export const FIRST_COMPLETED = 'FIRST_COMPLETED';
export const FIRST_EXCEPTION = 'FIRST_EXCEPTION';
export const ALL_COMPLETED = 'ALL_COMPLETED';
export type ReturnWhen = typeof FIRST_COMPLETED | typeof FIRST_EXCEPTION | typeof ALL_COMPLETED;

/** What it takes to wait for a future, whatever its result. */
type Waited = Pick<Future, 'settled' | 'failed' | 'crew' | 'watch' | 'unwatch'>;

export interface DoneAndNotDone<T> {
  done: Set<Future<T>>;
  notDone: Set<Future<T>>;
}

/**
 * Blocks until all futures, or the first one, or the first one with an error, are done.
 * @param timeout Seconds; null: for ever. It is no error.
 * @see https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.wait
 */
export function wait<T>(
  futures: Iterable<Future<T>>,
  timeout: number | null = null,
  returnWhen: ReturnWhen = ALL_COMPLETED,
): DoneAndNotDone<T> {
  const all = checkedFutures(futures);
  const isOver = condition(all, returnWhen);
  drive(crewsOf(all), isOver, checkedTimeout(timeout) ?? Infinity);
  return split(all);
}

/** Like wait(), without blocking the event loop. */
export async function waitAsync<T>(
  futures: Iterable<Future<T>>,
  timeout: number | null = null,
  returnWhen: ReturnWhen = ALL_COMPLETED,
): Promise<DoneAndNotDone<T>> {
  const all = checkedFutures(futures);
  const isOver = condition(all, returnWhen);
  await until(all, isOver, checkedTimeout(timeout));
  return split(all);
}

/**
 * The futures as they get done, those first that are already. `for...of` blocks, `for await` does not.
 * @param timeout Seconds from now; null: for ever.
 * @throws TimeoutError
 */
export function asCompleted<T>(
  futures: Iterable<Future<T>>,
  timeout: number | null = null,
): Iterable<Future<T>> & AsyncIterable<Future<T>> {
  const left = checkedFutures(futures);
  const total = left.size;
  const crews = crewsOf(left);
  const end = performance.now() + (checkedTimeout(timeout) ?? Infinity) * 1000;
  const seconds = (): number => Math.max((end - performance.now()) / 1000, 0);
  const settled = new Set<Future<T>>();
  for (const future of left) {
    if (future.settled) settled.add(future);
    else future.watch(() => settled.add(future));
  }
  const take = (): Future<T> => {
    const [future] = settled;
    settled.delete(future!);
    left.delete(future!);
    return future!;
  };
  const someSettled = (): boolean => settled.size > 0;
  const late = (): TimeoutError =>
    new TimeoutError(`${left.size} (of ${total}) futures unfinished`);
  const nextAsync = inTurn(async (): Promise<IteratorResult<Future<T>, undefined>> => {
    if (left.size === 0) return { done: true, value: undefined };
    if (!(await until(left, someSettled, seconds()))) throw late();
    return { done: false, value: take() };
  });
  return {
    *[Symbol.iterator]() {
      while (left.size > 0) {
        if (!drive(crews, someSettled, seconds())) throw late();
        yield take();
      }
    },
    // No generator: it would wait for what it yields, a future being a promise too.
    [Symbol.asyncIterator]: () => ({ next: nextAsync }),
  };
}

/** A function whose calls do not begin before the ones before have ended. */
export function inTurn<T>(call: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const turn = last.then(call, call);
    last = turn;
    return turn;
  };
}

function checkedFutures<T>(futures: Iterable<Future<T>>): Set<Future<T>> {
  const all = new Set(futures);
  for (const each of all) {
    if (!(each instanceof Future)) throw new TypeError(expected('a Future', 'futures', each));
  }
  return all;
}

function crewsOf(futures: Iterable<Waited>): Set<Crew> {
  const crews = new Set<Crew>();
  for (const { crew } of futures) if (crew !== null) crews.add(crew);
  return crews;
}

function condition(futures: Iterable<Waited>, returnWhen: ReturnWhen): () => boolean {
  const list = [...futures];
  const all = (): boolean => list.every((future) => future.settled);
  switch (returnWhen) {
    case ALL_COMPLETED:
      return all;
    case FIRST_COMPLETED:
      return () => list.length === 0 || list.some((future) => future.settled);
    case FIRST_EXCEPTION:
      return () => all() || list.some((future) => future.settled && future.failed);
    default:
      throw new ValueError(`Invalid return condition: '${String(returnWhen)}'`);
  }
}

function split<T>(futures: ReadonlySet<Future<T>>): DoneAndNotDone<T> {
  const list = [...futures];
  return {
    done: new Set(list.filter((future) => future.settled)),
    notDone: new Set(list.filter((future) => !future.settled)),
  };
}

/** Whether the condition holds in time. */
export async function until(
  futures: Iterable<Waited>,
  isOver: () => boolean,
  seconds: number | null,
): Promise<boolean> {
  if (isOver()) return true;
  const waited = [...futures].filter(({ settled }) => !settled);
  let timer: NodeJS.Timeout | undefined;
  let look!: () => void;
  await new Promise<void>((resolve) => {
    look = () => {
      if (isOver()) resolve();
    };
    for (const future of waited) future.watch(look);
    if (seconds !== null && seconds < Infinity) {
      timer = afterSeconds(seconds, resolve);
    }
  });
  clearTimeout(timer);
  for (const future of waited) future.unwatch(look);
  return isOver();
}

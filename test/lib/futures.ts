/** What tests of executors and futures share. */

import { Event, type futures, posix, ProcessPoolExecutor } from 'multiproc';
import { type ExecutorOptions, Future } from 'multiproc/futures';

import { patience } from './child';
import { sleep, square } from './pool';
import { node } from './signals';

export const identity = <T>(x: T): T => x;

/** Calls with an executor, whose workers are killed afterwards. */
export async function withExecutor<Result>(
  options: number | ExecutorOptions,
  use: (executor: ProcessPoolExecutor) => Result,
): Promise<Awaited<Result>> {
  const executor =
    typeof options === 'number'
      ? new ProcessPoolExecutor(options)
      : new ProcessPoolExecutor(options);
  try {
    return await use(executor);
  } finally {
    executor.killWorkers();
  }
}

/** A call that ends, with its argument, when the test opens the gate. */
export function makeGate(): { open: () => void; pass: <T>(x: T) => T } {
  const event = new Event();
  return {
    open: () => event.set(),
    pass: (x) => {
      if (!event.wait(patience)) throw new Error('nobody opened the gate');
      return x;
    },
  };
}

/** How a worker ends, and what is known of it then. */
export const ends: [string, () => void, object][] = [
  ['exits', () => node.exit(3), { exitcode: 3, signal: null }],
  ['exits without listeners', () => posix.exit(4), { exitcode: 4, signal: null }],
  ['is killed', () => killSelf(), { exitcode: -9, signal: 'SIGKILL' }],
];

export function killSelf(): void {
  posix.kill(posix.getpid(), 'SIGKILL');
  sleep(patience);
}

export const throwing = (): never => {
  throw new RangeError('in the hook');
};
export type AnyFuture = futures.Future<any>;

/** Futures without an executor, in each state. */
export const inState = {
  pending: (): AnyFuture => new Future(),
  running(): AnyFuture {
    const future = new Future();
    future.setRunningOrNotifyCancel();
    return future;
  },
  cancelled(): AnyFuture {
    const future = new Future();
    future.cancel();
    return future;
  },
  notified(): AnyFuture {
    const future = inState.cancelled();
    future.setRunningOrNotifyCancel();
    return future;
  },
  failed(error: unknown = new RangeError('stored')): AnyFuture {
    const future = new Future();
    future.setException(error);
    return future;
  },
  finished<T>(value?: T): futures.Future<T> {
    const future = new Future<T>();
    future.setResult(value as T);
    return future;
  },
};

export type State = keyof typeof inState;
export const states = Object.keys(inState) as State[];

/** Submits; an executor that is found broken meanwhile says in submit() what its futures say else. */
export function submitted(executor: ProcessPoolExecutor, x: number): AnyFuture {
  try {
    return executor.submit(square, x);
  } catch (error) {
    return inState.failed(error);
  }
}

/** What its predicates say. */
export function predicatesOf(future: AnyFuture): Record<string, boolean> {
  return { cancelled: future.cancelled(), running: future.running(), done: future.done() };
}

/** Executor: what executors have in common. */

import type { Future } from './future';

export interface ShutdownOptions {
  /** Whether to block until all is done. */
  wait?: boolean;
  /** Whether what is not begun is cancelled. */
  cancelFutures?: boolean;
}

/**
 * Makes calls, now or later: concurrent.futures.Executor, to derive from.
 * @see https://docs.python.org/3/library/concurrent.futures.html#executor-objects
 */
export abstract class Executor {
  /** Makes the call with the arguments some time. */
  abstract submit<A extends unknown[], T>(call: (...args: A) => T, ...args: A): Future<Awaited<T>>;

  /** The results of the function for the items of the iterables. */
  /* eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function will do */
  abstract map<T>(call: (...args: any[]) => unknown, ...given: unknown[]): Iterable<T>;

  /** Takes no more work. */
  abstract shutdown(wait?: boolean | ShutdownOptions, options?: ShutdownOptions): void;

  /** Like shutdown(), without blocking the event loop. */
  abstract shutdownAsync(options?: Omit<ShutdownOptions, 'wait'>): Promise<void>;

  /** shutdown(), as `with` does in Python. */
  [Symbol.dispose](): void {
    this.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdownAsync();
  }
}

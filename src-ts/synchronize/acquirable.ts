/** What locks and semaphores have in common. */

import { constants } from 'node:os';
import { inspect } from 'node:util';

import type { BlockOptions } from '../arguments';
import { expected, osError, OSError } from '../errors';

/** Something that is acquired and released. */
export abstract class Acquirable {
  /**
   * @param block Whether to wait; without waiting the timeout is ignored.
   * @param timeout Seconds on the monotonic clock; null: for ever.
   * @returns Whether it was acquired.
   */
  abstract acquire(block?: boolean | BlockOptions, timeout?: number | null): boolean;

  /** Like acquire(), without blocking the event loop. */
  abstract acquireAsync(block?: boolean | BlockOptions, timeout?: number | null): Promise<boolean>;

  abstract release(): void;

  /** Python's repr. */
  abstract toString(): string;

  /** Acquires; the result releases when it is disposed of: `using _ = lock.hold()`. */
  hold(): Disposable {
    this.acquire();
    return { [Symbol.dispose]: () => this.release() };
  }

  /** Like hold(), without blocking the event loop: `using _ = await lock.holdAsync()`. */
  async holdAsync(): Promise<Disposable> {
    await this.acquireAsync();
    return { [Symbol.dispose]: () => this.release() };
  }

  /** Python's `with lock:`. It is held until the function returns, or its promise settles. */
  with<T>(body: () => T): T {
    checkBody(body);
    this.acquire();
    return this.#during(body);
  }

  /** Like with(), without blocking the event loop. */
  async withAsync<T>(body: () => T): Promise<Awaited<T>> {
    checkBody(body);
    await this.acquireAsync();
    return await this.#during(body);
  }

  #during<T>(body: () => T): T {
    let result: T | undefined;
    let pending = false;
    try {
      result = body();
      pending = typeof (result as PromiseLike<unknown> | null)?.then === 'function';
    } finally {
      if (!pending) this.release();
    }
    if (!pending) return result;
    return Promise.resolve(result).finally(() => this.release()) as T;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

function checkBody(body: unknown): void {
  if (typeof body !== 'function') throw new TypeError(expected('a function', 'body', body));
}

/** What acquire() throws when the last owner has ended without releasing. */
export function ownerDied(what: string): OSError {
  const text = `the process that held the ${what} has ended; what it protects may be half done`;
  const errno = process.platform === 'linux' ? 130 : 105;
  return osError({ errno, text, syscall: 'acquire' });
}

/** Python's error of sem_open() for a value that it does not take. */
export function invalidValue(): OSError {
  return osError({ errno: constants.errno.EINVAL, text: 'Invalid argument', syscall: 'sem_open' });
}

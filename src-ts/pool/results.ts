/** The results of a pool's tasks, which are there at once or later. */

import { inspect } from 'node:util';

import { checkedTimeout } from '../arguments';
import { TimeoutError, ValueError } from '../errors';
import { Awaitable } from './awaitable';
import type { Crew } from './crew';
import { drive } from './drive';
import type { Outcome } from './outcome';

export interface Callbacks<T> {
  /** Called with the result, before get() returns. */
  callback?: ((result: T) => void) | null;
  /** Called with the error. */
  errorCallback?: ((error: unknown) => void) | null;
}

/**
 * The result of a call, or of many. It can be awaited, which lets the event loop go on; or got, which
 * blocks.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.pool.AsyncResult
 */
export class AsyncResult<T> extends Awaitable<T> {
  readonly #crew: Crew;
  readonly #callbacks: Callbacks<T>;
  #outcome: Outcome<T> | null = null;
  #waiters: (() => void)[] = [];

  constructor(crew: Crew, callbacks: Callbacks<T> = {}) {
    super();
    this.#crew = crew;
    this.#callbacks = callbacks;
  }

  /**
   * Blocks until it is there.
   * @param timeout Seconds; null: for ever.
   * @throws TimeoutError; the error of the task; WorkerDiedError if its worker ended.
   */
  get(timeout: number | null = null): T {
    this.wait(timeout);
    if (this.#outcome === null) throw new TimeoutError();
    if (!this.#outcome.ok) throw this.#outcome.reason;
    return this.#outcome.value;
  }

  /** Blocks until it is there, or the time is over. */
  wait(timeout: number | null = null): void {
    const seconds = checkedTimeout(timeout) ?? Infinity;
    if (this.#outcome === null) drive(new Set([this.#crew]), () => this.ready(), seconds);
  }

  /** Whether the call has ended. */
  ready(): boolean {
    return this.#outcome !== null;
  }

  /**
   * Whether it has ended without an error.
   * @throws ValueError if it has not ended.
   */
  successful(): boolean {
    if (this.#outcome === null) throw new ValueError(`${this.toString()} not ready`);
    return this.#outcome.ok;
  }

  override toString(): string {
    return `<${this.constructor.name} ${this.#outcome === null ? 'pending' : 'ready'}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  /** For the pool: it has ended. What a callback throws becomes the outcome. */
  protected end(outcome: Outcome<T>): void {
    if (this.#outcome !== null) return;
    this.#outcome = this.#afterCallback(outcome);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }

  #afterCallback(outcome: Outcome<T>): Outcome<T> {
    const { callback, errorCallback } = this.#callbacks;
    try {
      if (outcome.ok) callback?.(outcome.value);
      else errorCallback?.(outcome.reason);
      return outcome;
    } catch (reason) {
      return { ok: false, reason };
    }
  }

  protected async promise(): Promise<T> {
    if (this.#outcome === null) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.get();
  }
}

/** The result of one call. */
export class ApplyResult<T> extends AsyncResult<T> {
  readonly returned = (value: unknown): void => this.end({ ok: true, value: value as T });
  readonly failed = (reason: unknown): void => this.end({ ok: false, reason });
}

/** The results of the chunks of a map, in their order. */
export class MapResult<T> extends AsyncResult<T[]> {
  readonly #chunks: T[][];
  readonly #total: number;
  readonly #onProgress: ((done: number, total: number) => void) | undefined;
  #left: number;
  #done = 0;
  #failure: { reason: unknown } | null = null;

  constructor(
    crew: Crew,
    sizes: readonly number[],
    callbacks: Callbacks<T[]>,
    onProgress?: (done: number, total: number) => void,
  ) {
    super(crew, callbacks);
    this.#chunks = sizes.map(() => []);
    this.#left = sizes.length;
    this.#total = sizes.reduce((sum, size) => sum + size, 0);
    this.#onProgress = onProgress;
    if (sizes.length === 0) this.#finish();
  }

  /** How chunk number `index`, of so many items, is to be settled. */
  chunk(
    index: number,
    size: number,
  ): { returned: (v: unknown) => void; failed: (r: unknown) => void } {
    return {
      returned: (value) => {
        this.#chunks[index] = value as T[];
        this.#chunkEnded(size);
      },
      failed: (reason) => {
        this.#failure ??= { reason };
        this.#chunkEnded(size);
      },
    };
  }

  /** As in Python, an error waits for the other chunks. */
  #chunkEnded(size: number): void {
    this.#left -= 1;
    this.#done += size;
    try {
      this.#onProgress?.(this.#done, this.#total);
    } catch (reason) {
      this.#failure ??= { reason };
    }
    if (this.#left === 0) this.#finish();
  }

  #items(): T[] {
    const items: T[] = [];
    // Array.prototype.flat() takes ten times as long.
    for (const chunk of this.#chunks) for (const item of chunk) items.push(item);
    return items;
  }

  #finish(): void {
    if (this.#failure !== null) this.end({ ok: false, reason: this.#failure.reason });
    else this.end({ ok: true, value: this.#items() });
  }
}

/** Results of many calls, one after the other, while the input is still being read. */

import { checkedTimeout } from '../arguments';
import { TimeoutError } from '../errors';
import type { Crew } from './crew';
import { drive } from './drive';
import { numberOf, type TaskFunction } from './functions';
import type { Outcome } from './outcome';
import { MAP } from './protocol';
import { Task, type TaskOptions } from './task';

export type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

export interface ImapOptions {
  call: TaskFunction;
  chunksize: number;
  /** So many chunks are under way at most. */
  window: number;
  /** Whether results come in the order of the input. */
  ordered: boolean;
  taskOptions: TaskOptions;
  onProgress: ((done: number, total: number) => void) | undefined;
  total: number;
}

/** A place in the order of the results. */
interface Slot {
  outcome: Outcome<unknown[]> | null;
  task: Task | null;
}

/**
 * The iterator of imap(): of results, or by `for await` without blocking. It reads the input as
 * results are taken, not further ahead than its window.
 */
export class IMapIterator<T> implements IterableIterator<T>, AsyncIterable<T> {
  readonly #crew: Crew;
  readonly #options: ImapOptions;
  readonly #input: Iterator<unknown, unknown> | AsyncIterator<unknown, unknown>;
  readonly #isAsync: boolean;
  /** What was begun and not given out. */
  #slots: Slot[] = [];
  #values: T[] = [];
  #inputEnded = false;
  #inputError: { reason: unknown } | null = null;
  #finished = false;
  #done = 0;
  #wake: (() => void) | null = null;
  /** The call of nextAsync() before, which has to end first. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The input is being read. */
  #filling: Promise<void> | null = null;

  constructor(crew: Crew, input: AnyIterable<unknown>, options: ImapOptions) {
    this.#crew = crew;
    this.#options = options;
    this.#isAsync = Symbol.asyncIterator in input;
    this.#input = this.#isAsync
      ? (input as AsyncIterable<unknown>)[Symbol.asyncIterator]()
      : (input as Iterable<unknown>)[Symbol.iterator]();
    if (!this.#isAsync) this.#fill();
  }

  /**
   * The next result; blocks until it is there.
   * @param timeout Seconds; null: for ever.
   * @throws TimeoutError; the error of the task, after which the next call goes on.
   */
  next(timeout: number | null = null): IteratorResult<T, undefined> {
    const seconds = checkedTimeout(timeout) ?? Infinity;
    if (this.#isAsync) throw new TypeError('an async iterable can be read by `for await` only');
    for (;;) {
      this.#fill();
      const result = this.#take();
      if (result !== null) return result;
      const isReady = (): boolean => this.#readySlot() !== undefined;
      if (!drive(new Set([this.#crew]), isReady, seconds)) throw new TimeoutError();
    }
  }

  /** The next result, without blocking the event loop. */
  nextAsync(): Promise<IteratorResult<T, undefined>> {
    const next = this.#turn.then(() => this.#nextInTurn());
    this.#turn = next.catch(() => undefined);
    return next;
  }

  async #nextInTurn(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      if (this.#isAsync) this.#beginFilling();
      else this.#fill();
      const result = this.#take();
      if (result !== null) return result;
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await (this.#filling === null ? woken : Promise.race([woken, this.#filling]));
    }
  }

  /** Ends it early: what no worker has begun is not begun. */
  return(): IteratorResult<T, undefined> {
    if (!this.#finished && !this.#inputEnded) void this.#input.return?.();
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      next: () => this.nextAsync(),
      return: () => Promise.resolve(this.return()),
    };
  }

  /** Begins tasks, up to the window. */
  #fill(): void {
    while (!this.#inputEnded && this.#slots.length < this.#options.window) {
      const chunk: unknown[] = [];
      try {
        while (chunk.length < this.#options.chunksize) {
          const { done, value } = (this.#input as Iterator<unknown, unknown>).next();
          if (done === true) {
            this.#inputEnded = true;
            break;
          }
          chunk.push(value);
        }
      } catch (error) {
        this.#inputFailed(error);
        return;
      }
      if (chunk.length > 0) this.#begin(chunk);
    }
  }

  /** Not waited for where results are there: the input may wait for them. */
  #beginFilling(): void {
    if (this.#inputEnded || this.#slots.length >= this.#options.window) return;
    this.#filling ??= this.#fillAsync().finally(() => (this.#filling = null));
  }

  async #fillAsync(): Promise<void> {
    while (!this.#inputEnded && this.#slots.length < this.#options.window) {
      const chunk: unknown[] = [];
      try {
        while (chunk.length < this.#options.chunksize) {
          const { done, value }: IteratorResult<unknown, unknown> = await this.#input.next();
          if (done === true) {
            this.#inputEnded = true;
            break;
          }
          chunk.push(value);
        }
      } catch (error) {
        this.#inputFailed(error);
        return;
      }
      if (chunk.length > 0 && !this.#finished) this.#begin(chunk);
    }
  }

  #begin(chunk: unknown[]): void {
    const slot: Slot = { outcome: null, task: null };
    const end = (outcome: Outcome<unknown[]>): void => {
      slot.outcome = outcome;
      slot.task = null;
      this.#progress(chunk.length);
      this.#wake?.();
      this.#wake = null;
    };
    const settle = {
      returned: (values: unknown) => end({ ok: true, value: values as unknown[] }),
      failed: (reason: unknown) => end({ ok: false, reason }),
    };
    this.#slots.push(slot);
    const { call, taskOptions } = this.#options;
    slot.task = new Task(numberOf(call), MAP, chunk, true, settle, taskOptions);
    this.#crew.submit(slot.task);
  }

  /** The error of the input comes after the results of what was read before. */
  #inputFailed(reason: unknown): void {
    this.#inputEnded = true;
    this.#inputError = { reason };
  }

  #progress(count: number): void {
    this.#done += count;
    try {
      this.#options.onProgress?.(this.#done, this.#options.total);
    } catch (reason) {
      this.#inputFailed(reason);
    }
  }

  #readySlot(): Slot | undefined {
    const [first] = this.#slots;
    if (this.#options.ordered) return first?.outcome ? first : undefined;
    return this.#slots.find(({ outcome }) => outcome !== null);
  }

  /** Null when one has to wait. */
  #take(): IteratorResult<T, undefined> | null {
    if (this.#values.length > 0) return { done: false, value: this.#values.shift()! };
    const slot = this.#readySlot();
    if (slot === undefined) {
      if (!this.#inputEnded || this.#slots.length > 0) return null;
      this.#finished = true;
      const error = this.#inputError;
      this.#inputError = null;
      if (error !== null) throw error.reason;
      return { done: true, value: undefined };
    }
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    const outcome = slot.outcome!;
    if (!outcome.ok) {
      if (this.#options.chunksize > 1) this.#end();
      throw outcome.reason;
    }
    this.#values = outcome.value as T[];
    return this.#take();
  }

  #end(): void {
    this.#inputEnded = true;
    this.#finished = true;
    this.#values = [];
    const slots = this.#slots;
    this.#slots = [];
    for (const { task } of slots) if (task !== null) this.#crew.cancel(task);
  }
}

/** Future: concurrent.futures.Future. */

import { inspect } from 'node:util';

import { checkedTimeout } from '../arguments';
import { expected, RuntimeError, TimeoutError } from '../errors';
import { Awaitable } from '../pool/awaitable';
import type { Crew } from '../pool/crew';
import { drive } from '../pool/drive';
import { main } from '../realm';
import { CancelledError, InvalidStateError } from './errors';

export const PENDING = 'PENDING';
export const RUNNING = 'RUNNING';
export const CANCELLED = 'CANCELLED';
export const CANCELLED_AND_NOTIFIED = 'CANCELLED_AND_NOTIFIED';
export const FINISHED = 'FINISHED';

type State =
  | typeof PENDING
  | typeof RUNNING
  | typeof CANCELLED
  | typeof CANCELLED_AND_NOTIFIED
  | typeof FINISHED;

const inWords: Readonly<Record<State, string>> = {
  PENDING: 'pending',
  RUNNING: 'running',
  CANCELLED: 'cancelled',
  CANCELLED_AND_NOTIFIED: 'cancelled',
  FINISHED: 'finished',
};

// A method's type, so that a Future<number> is a Future<unknown>.
type DoneCallback<T> = { call(future: Future<T>): void }['call'];

/** How a future gets its result. */
export interface Source {
  /** Whose work is done while somebody blocks; null: nobody's. */
  crew: Crew | null;
  /** Whether it could be kept from running. */
  cancel: () => boolean;
}

let count = 0;

/**
 * The outcome of a call that an executor makes. result() blocks, `await` does not.
 * @see https://docs.python.org/3/library/concurrent.futures.html#future-objects
 */
export class Future<T = unknown> extends Awaitable<T> {
  #state: State = PENDING;
  #value: T | undefined;
  #failure: { reason: unknown } | null = null;
  #callbacks: DoneCallback<T>[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #source: Source;
  readonly #number = (count += 1);

  /** Executors make them; one that is made by itself is for tests. */
  constructor(source: Source = { crew: null, cancel: () => true }) {
    super();
    this.#source = source;
  }

  /** Keeps it from running, if it does not run yet. Whether it is cancelled. */
  cancel(): boolean {
    if (this.cancelled()) return true;
    if (this.#state !== PENDING || !this.#source.cancel()) return false;
    // An executor has agreed to it, so it knows.
    this.#state = this.crew === null ? CANCELLED : CANCELLED_AND_NOTIFIED;
    this.#ended();
    return true;
  }

  cancelled(): boolean {
    return this.#state === CANCELLED || this.#state === CANCELLED_AND_NOTIFIED;
  }

  running(): boolean {
    return this.#state === RUNNING;
  }

  /** Whether it has a result or an error, or is cancelled. */
  done(): boolean {
    return this.cancelled() || this.#state === FINISHED;
  }

  /** Whether wait() counts it as done: unlike done() not before its executor knows of a cancelling. */
  get settled(): boolean {
    return this.#state === CANCELLED_AND_NOTIFIED || this.#state === FINISHED;
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  get crew(): Crew | null {
    return this.#source.crew;
  }

  /**
   * Blocks until it is done.
   * @param timeout Seconds; null: for ever.
   * @throws TimeoutError, CancelledError, or the error of the call.
   */
  result(timeout: number | null = null): T {
    this.#wait(timeout);
    if (this.#failure !== null) throw this.#failure.reason;
    return this.#value as T;
  }

  /** The error of the call, or null; blocks like result(). */
  exception(timeout: number | null = null): unknown {
    this.#wait(timeout);
    return this.#failure?.reason ?? null;
  }

  /** Calls the function when it is done; at once if it is. Errors are printed, and ignored. */
  addDoneCallback(callback: DoneCallback<T>): void {
    if (typeof callback !== 'function') {
      throw new TypeError(expected('a function', 'callback', callback));
    }
    if (this.done()) this.#call(callback);
    else this.#callbacks.push(callback);
  }

  /** For wait(): calls the function when it gets settled. */
  watch(watcher: () => void): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: () => void): void {
    this.#watchers.delete(watcher);
  }

  /** For executors: it begins. False if it was cancelled. */
  setRunningOrNotifyCancel(): boolean {
    if (this.#state === CANCELLED) {
      this.#state = CANCELLED_AND_NOTIFIED;
      this.#tellWatchers();
      return false;
    }
    if (this.#state !== PENDING) throw new RuntimeError('Future in unexpected state');
    this.#state = RUNNING;
    return true;
  }

  /** For executors. @throws InvalidStateError if it is done. */
  setResult(value: T): void {
    this.#finish();
    this.#value = value;
    this.#ended();
  }

  /** For executors. @throws InvalidStateError if it is done. */
  setException(reason: unknown): void {
    this.#finish();
    this.#failure = { reason };
    this.#ended();
  }

  /** Python's repr. */
  override toString(): string {
    const words = [`state=${inWords[this.#state]}`];
    if (this.#state === FINISHED) {
      words.push(
        this.#failure
          ? `raised ${nameOf(this.#failure.reason)}`
          : `returned ${typeName(this.#value)}`,
      );
    }
    return `<Future at 0x${this.#number.toString(16)} ${words.join(' ')}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #wait(timeout: number | null): void {
    const seconds = checkedTimeout(timeout) ?? Infinity;
    const crews = new Set(this.crew === null ? [] : [this.crew]);
    if (!this.done() && !drive(crews, () => this.done(), seconds)) throw new TimeoutError();
    if (this.cancelled()) throw new CancelledError();
  }

  #finish(): void {
    if (this.done()) throw new InvalidStateError(`${this.#state}: ${this.toString()}`);
    this.#state = FINISHED;
  }

  #ended(): void {
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    for (const callback of callbacks) this.#call(callback);
    if (this.settled) this.#tellWatchers();
  }

  #tellWatchers(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }

  #call(callback: DoneCallback<T>): void {
    try {
      callback(this);
    } catch (error) {
      main.console.error(`exception calling callback for ${this.toString()}`, error);
    }
  }

  protected async promise(): Promise<T> {
    if (!this.done()) await new Promise<void>((resolve) => this.#callbacks.push(() => resolve()));
    return this.result();
  }
}

function nameOf(reason: unknown): string {
  return reason instanceof Error ? reason.name : typeName(reason);
}

function typeName(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return value.constructor.name;
}

/** Queue. */

import { inspect } from 'node:util';

import { type BlockOptions, checkedInteger, secondsToWait, withKnownNames } from '../arguments';
import { runAsync, runSync, step, type Steps } from '../blocking';
import { handleIsClosed } from '../connection/errors';
import { AssertionError, Empty, Full, ValueError } from '../errors';
import { pack } from '../message';
import { ownPid } from '../native';
import { register } from '../serialization';
import { BoundedSemaphore, SEM_VALUE_MAX } from '../synchronize/semaphore';
import { NAP, now } from '../synchronize/words';
import { closesFeeder, Feeder } from './feeder';
import { lost, MessagePipe, nothing } from './message-pipe';
import { Order } from './order';

/** Seconds that an empty pipe is given when a message is counted that a feeder has not written yet. */
const GRACE = 0.05;

/** The shared parts of a queue that came from another process. */
export interface QueueParts {
  pipe: MessagePipe;
  slots: BoundedSemaphore;
  maxsize: number;
}

/**
 * A first-in, first-out queue for any number of processes. put() does not wait for a reader: a
 * thread of this process writes to the pipe. What is put is serialised at once, in put().
 *
 * A process that is killed takes along what it had not written yet, and what it had just read; those
 * messages that it had not written go on counting in qsize(). The others go on.
 *
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Queue
 */
export class Queue<T = unknown> {
  readonly #pipe: MessagePipe;
  /** One for each message that may be put. */
  readonly #slots: BoundedSemaphore;
  readonly #maxsize: number;
  #feeder: Feeder | null = null;
  #joinedAtExit = true;
  #closed = false;
  readonly #order = new Order();
  readonly #taken = (): void => this.#slots.release();

  /** @param maxsize How many messages may be in it; 0: as many as there is memory for. */
  constructor(maxsize: number | { maxsize?: number } = 0, parts?: QueueParts) {
    const size = checkedInteger('maxsize', maxsizeOf(maxsize));
    this.#maxsize = parts?.maxsize ?? (size > 0 ? size : SEM_VALUE_MAX);
    this.#pipe = parts?.pipe ?? new MessagePipe();
    this.#slots = parts?.slots ?? new BoundedSemaphore(this.#maxsize);
  }

  /**
   * Puts a value into the queue.
   * @param block Whether to wait for a place.
   * @param timeout Seconds; null: for ever.
   * @throws Full if there is no place in time; ValueError if the queue is closed by this process.
   * @throws PicklingError if the value cannot cross.
   */
  put(value: T, block: boolean | BlockOptions = true, timeout: number | null = null): void {
    const seconds = this.#secondsFor(block, timeout);
    const { buffer, length } = pack(value, false);
    if (!this.#slots.acquire(seconds > 0, seconds)) throw new Full();
    this.feed(buffer, length);
  }

  /** Like put(), without blocking the event loop. Several wait in order; put() does not wait for them. */
  async putAsync(
    value: T,
    block: boolean | BlockOptions = true,
    timeout: number | null = null,
  ): Promise<void> {
    const seconds = this.#secondsFor(block, timeout);
    const { buffer, length } = pack(value, false);
    if (this.#order.isFree && this.#slots.acquire(false)) {
      this.feed(buffer, length);
      return;
    }
    if (seconds === 0) throw new Full();
    const copy = Buffer.from(buffer.subarray(0, length));
    const isPut = await this.#order.inTurn(seconds, (left) => this.#putLate(copy, left));
    if (!isPut) throw new Full();
  }

  /** put(value, false) */
  putNowait(value: T): void {
    this.put(value, false);
  }

  /**
   * Takes a value out of the queue.
   * @param block Whether to wait for one.
   * @param timeout Seconds; null: for ever.
   * @throws Empty if none comes in time; ValueError if the queue is closed by this process.
   */
  get(block: boolean | BlockOptions = true, timeout: number | null = null): T {
    if (block === true && timeout === null && !this.#closed) {
      const value = this.#pipe.read(this.#taken);
      if (value !== nothing && value !== lost) return value as T;
    }
    return runSync(this.#getting(this.#secondsFor(block, timeout)));
  }

  /** Like get(), without blocking the event loop. */
  async getAsync(block: boolean | BlockOptions = true, timeout: number | null = null): Promise<T> {
    return runAsync(this.#getting(this.#secondsFor(block, timeout)));
  }

  /** get(false) */
  getNowait(): T {
    return this.get(false);
  }

  /** How many values are in it, also those that are not written yet. */
  qsize(): number {
    return this.#maxsize - this.#slots.getValue();
  }

  /**
   * Whether qsize() is 0. Unlike Python's it counts what this process has just put.
   * @throws OSError if this process has used the queue and closed it.
   */
  empty(): boolean {
    if (this.#pipe.closed) throw handleIsClosed();
    return this.qsize() === 0;
  }

  /** Whether put() would have to wait. */
  full(): boolean {
    return this.#slots.getValue() === 0;
  }

  /**
   * This process puts and gets no more: those of its getAsync() and putAsync() that wait
   * fail. What it has put is still written.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pipe.endWaits();
    const feeder = this.#currentFeeder();
    if (feeder === null) return;
    feeder.close();
    this.#pipe.close();
  }

  /**
   * Blocks until all that this process has put is written.
   * @throws AssertionError if the queue is not closed.
   */
  joinThread(): void {
    this.#closedFeeder()?.join();
  }

  /** Like joinThread(), without blocking the event loop. */
  async joinThreadAsync(): Promise<void> {
    await this.#closedFeeder()?.joinAsync();
  }

  /** The end of this process does not wait until all is written: it may be lost. */
  cancelJoinThread(): void {
    this.#joinedAtExit = false;
    const feeder = this.#currentFeeder();
    if (feeder !== null) feeder.joinedAtExit = false;
  }

  /** The values, until this process closes the queue. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (!this.#closed) {
      const value = await this.getAsync().catch((error: unknown) => {
        if (this.#closed) return nothing;
        throw error;
      });
      if (value !== nothing) yield value as T;
    }
  }

  /** close() and joinThread(), as `with` would do in Python. */
  [Symbol.dispose](): void {
    this.close();
    this.joinThread();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.joinThreadAsync();
  }

  toString(): string {
    return `<${this.constructor.name} at ${this.#pipe.block.name}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  /** What another process needs in order to have the queue too. */
  parts(): QueueParts {
    return { pipe: this.#pipe, slots: this.#slots, maxsize: this.#maxsize };
  }

  /** Hands a message to the feeder; its place is taken. */
  protected feed(message: Uint8Array, length: number): void {
    (this.#currentFeeder() ?? this.#startFeeder()).put(message, length);
  }

  /** Puts when there is a place; false if there is none in time. It looks whether the queue is closed. */
  async #putLate(message: Uint8Array, seconds: number): Promise<boolean> {
    const end = now() + seconds;
    for (let left = seconds; left > 0; left = end - now()) {
      const acquired = await this.#slots.acquireAsync(true, Math.min(left, NAP));
      if (this.#closed && acquired) this.#slots.release();
      this.#checkOpen();
      if (!acquired) continue;
      this.feed(message, message.length);
      return true;
    }
    return false;
  }

  /** Null in a child until it puts something itself. */
  #currentFeeder(): Feeder | null {
    return this.#feeder?.pid === ownPid ? this.#feeder : null;
  }

  #startFeeder(): Feeder {
    const feeder = new Feeder(this.#pipe, this.toString());
    feeder.joinedAtExit = this.#joinedAtExit;
    closesFeeder.register(this, feeder);
    this.#feeder = feeder;
    return feeder;
  }

  *#getting(seconds: number): Steps<T> {
    const pipe = this.#pipe;
    const end = now() + seconds;
    for (let late = false; ;) {
      const value = pipe.read(this.#taken);
      if (value !== nothing && value !== lost) return value as T;
      if (value === lost) continue;
      let left = end - now();
      if (left <= 0) {
        // What is counted is on its way: in the hands of a feeder.
        if (late || this.qsize() === 0) throw new Empty();
        late = true;
        left = GRACE;
      }
      yield* step<unknown>({ sync: () => pipe.poll(left), async: () => pipe.pollAsync(left) });
      this.#checkOpen();
    }
  }

  #secondsFor(block: boolean | BlockOptions, timeout: number | null): number {
    this.#checkOpen();
    return secondsToWait(block, timeout);
  }

  #closedFeeder(): Feeder | null {
    if (!this.#closed) throw new AssertionError(`Queue ${this.toString()} not closed`);
    return this.#currentFeeder();
  }

  #checkOpen(): void {
    if (this.#closed) throw new ValueError(`Queue ${this.toString()} is closed`);
  }
}

function maxsizeOf(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const { maxsize } = withKnownNames('Queue', given as { maxsize?: unknown }, ['maxsize']);
  return maxsize ?? 0;
}

register(Queue, {
  name: 'multiproc.Queue',
  reduce: (queue: Queue) => queue.parts(),
  construct: (parts: QueueParts) => new Queue(0, parts),
});

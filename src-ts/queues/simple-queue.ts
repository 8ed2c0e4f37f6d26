/** SimpleQueue. */

import { inspect } from 'node:util';

import { runAsync, runSync, step, type Steps } from '../blocking';
import { handleIsClosed } from '../connection/errors';
import { pack } from '../message';
import { ownPid, posix } from '../native';
import { register } from '../serialization';
import { lost, MessagePipe, nothing } from './message-pipe';
import { Order } from './order';

/**
 * A pipe with locks, and no more: put() blocks while the pipe is full.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.SimpleQueue
 */
export class SimpleQueue<T = unknown> {
  readonly pipe: MessagePipe;
  readonly #order = new Order();

  constructor(pipe: MessagePipe = new MessagePipe()) {
    this.pipe = pipe;
  }

  /**
   * Blocks while the pipe is full.
   * @throws PicklingError if the value cannot cross; OSError if the queue is closed.
   */
  put(value: T): void {
    this.#checkOpen();
    const { buffer, length } = pack(value, false);
    const { ends, writeLock } = this.pipe;
    posix.cellsWrite(ends.writer, writeLock.words, 0, ownPid, buffer, length);
  }

  /** Like put(), without blocking the event loop. Several wait in order; put() does not wait for them. */
  async putAsync(value: T): Promise<void> {
    this.#checkOpen();
    const { buffer, length } = pack(value, false);
    const copy = Buffer.from(buffer.subarray(0, length));
    await this.#order.inTurn(Infinity, () => this.#write(copy));
  }

  /** Blocks until there is a value. */
  get(): T {
    return runSync(this.#getting());
  }

  /** Like get(), without blocking the event loop. */
  async getAsync(): Promise<T> {
    return runAsync(this.#getting());
  }

  /** Whether nothing is there. */
  empty(): boolean {
    return !this.pipe.poll(0);
  }

  /** This process puts and gets no more. */
  close(): void {
    this.pipe.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  toString(): string {
    return `<SimpleQueue at ${this.pipe.block.name}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  *#getting(): Steps<T> {
    const { pipe } = this;
    for (;;) {
      const value = pipe.read(ignore);
      if (value !== nothing && value !== lost) return value as T;
      yield* step<unknown>({
        sync: () => pipe.poll(Infinity),
        async: () => pipe.pollAsync(Infinity),
      });
    }
  }

  async #write(message: Uint8Array): Promise<true> {
    this.#checkOpen();
    const { ends, writeLock } = this.pipe;
    const { words } = writeLock;
    const { length } = message;
    const errno = await posix.cellsWriteAsync(ends.writer, words, 0, ownPid, message, length);
    if (errno !== 0) posix.raise(errno, 'write');
    return true;
  }

  #checkOpen(): void {
    if (this.pipe.closed) throw handleIsClosed();
  }
}

function ignore(): void {}

register(SimpleQueue, {
  name: 'multiproc.SimpleQueue',
  reduce: ({ pipe }: SimpleQueue) => pipe,
  construct: (pipe: MessagePipe) => new SimpleQueue(pipe),
});

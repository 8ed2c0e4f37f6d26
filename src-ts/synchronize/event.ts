/** Event. */

import { inspect } from 'node:util';

import { checkedTimeout } from '../arguments';
import { runAsync, runSync, type Steps } from '../blocking';
import { Block, type BlockAddress, constructBlock, reduceBlock } from '../heap';
import { posix } from '../native';
import { register } from '../serialization';
import { waitForChange } from './words';

/** Everybody. */
const ALL = 0x7fffffff;

/**
 * A flag that processes wait for. Its word counts its changes: it is set while the count is odd.
 * @see https://docs.python.org/3/library/threading.html#event-objects
 */
export class Event {
  readonly block: Block;
  readonly #words: Int32Array;

  constructor(block: Block = Block.allocate(4)) {
    this.block = block;
    this.#words = new Int32Array(block.buffer, 0, 1);
  }

  isSet(): boolean {
    return isOdd(Atomics.load(this.#words, 0));
  }

  /** Sets the flag and wakes all who wait. */
  set(): void {
    if (this.#change(false)) posix.wake(this.#words, 0, ALL);
  }

  /** Clears the flag: wait() waits from now on. */
  clear(): void {
    this.#change(true);
  }

  /**
   * Waits until the flag is set.
   * @param timeout Seconds; null: for ever.
   * @returns Whether it was set, even if it is cleared again by now.
   */
  wait(timeout: number | null = null): boolean {
    return runSync(this.#waiting(checkedTimeout(timeout)));
  }

  /** Like wait(), without blocking the event loop. */
  async waitAsync(timeout: number | null = null): Promise<boolean> {
    return runAsync(this.#waiting(checkedTimeout(timeout)));
  }

  /** Python's repr. */
  toString(): string {
    return `<Event at ${this.block.name} ${this.isSet() ? 'set' : 'unset'}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  *#waiting(timeout: number | null): Steps<boolean> {
    const count = Atomics.load(this.#words, 0);
    if (isOdd(count)) return true;
    return yield* waitForChange(this.#words, 0, count, timeout ?? Infinity);
  }

  /** Counts on if the flag is as it was expected. */
  #change(from: boolean): boolean {
    let count = Atomics.load(this.#words, 0);
    while (isOdd(count) === from) {
      const seen = Atomics.compareExchange(this.#words, 0, count, count + 1);
      if (seen === count) return true;
      count = seen;
    }
    return false;
  }
}

function isOdd(count: number): boolean {
  return (count & 1) === 1;
}

register(Event, {
  name: 'multiproc.Event',
  reduce: (event: Event, out) => reduceBlock(event.block, out),
  construct: (parts: BlockAddress, from) => new Event(constructBlock(parts, from)),
});

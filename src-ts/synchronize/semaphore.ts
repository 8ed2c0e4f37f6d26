/** Semaphore and BoundedSemaphore. */

import { type BlockOptions, checkedInteger, secondsToWait } from '../arguments';
import { type Blocking, runAsync, runSync, step, type Steps } from '../blocking';
import { OverflowError, ValueError } from '../errors';
import { Block, type BlockAddress, constructBlock, reduceBlock } from '../heap';
import { posix, WAITERS } from '../native';
import { register } from '../serialization';
import { Acquirable, invalidValue } from './acquirable';

/** POSIX's SEM_VALUE_MAX. */
export const SEM_VALUE_MAX = 0x7fffffff;

/** Index of the value, with WAITERS when somebody waits. */
const VALUE = 0;
/** Index of the largest value. */
const MAXIMUM = 1;

/**
 * A counter that is never below zero: acquire() takes one, and waits while there is none. What a
 * process that is killed has taken is not given back: a semaphore does not know who took it.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Semaphore
 */
export class Semaphore extends Acquirable {
  readonly block: Block;
  readonly #words: Int32Array;

  /**
   * @throws OSError EINVAL if the value is negative; OverflowError if it is over 2^31-1.
   */
  constructor(value: number | Block = 1) {
    super();
    this.block = value instanceof Block ? value : Block.allocate(8);
    this.#words = new Int32Array(this.block.buffer);
    if (value instanceof Block) return;
    checkValue(value);
    this.#words[VALUE] = value;
    this.#words[MAXIMUM] = this.maximumFor(value);
  }

  acquire(block: boolean | BlockOptions = true, timeout?: number | null): boolean {
    if (block === true && timeout == null && this.#take()) return true;
    const seconds = secondsToWait(block, timeout);
    return this.#take() || (seconds > 0 && runSync(this.#wait(seconds)));
  }

  async acquireAsync(
    block: boolean | BlockOptions = true,
    timeout?: number | null,
  ): Promise<boolean> {
    const seconds = secondsToWait(block, timeout);
    return this.#take() || (seconds > 0 && (await runAsync(this.#wait(seconds))));
  }

  /** @throws ValueError if the value is the largest already. */
  release(): void {
    const words = this.#words;
    const maximum = words[MAXIMUM]!;
    // No need of an atomic load: the exchange finds out.
    let value = words[VALUE]!;
    for (;;) {
      if ((value & ~WAITERS) >= maximum) {
        throw new ValueError('semaphore or lock released too many times');
      }
      const seen = Atomics.compareExchange(words, VALUE, value, value + 1);
      if (seen === value) break;
      value = seen;
    }
    // When nobody sleeps any more, the sign that somebody waits can go.
    if (value < 0 && posix.wake(words, VALUE, 1) === 0) Atomics.and(words, VALUE, ~WAITERS);
  }

  /** The value. */
  getValue(): number {
    return Atomics.load(this.#words, VALUE) & ~WAITERS;
  }

  /** Whether acquire() would have to wait. */
  locked(): boolean {
    return this.getValue() === 0;
  }

  toString(): string {
    return `<Semaphore(value=${this.getValue()})>`;
  }

  protected maximumFor(_value: number): number {
    return SEM_VALUE_MAX;
  }

  protected get maximum(): number {
    return this.#words[MAXIMUM]!;
  }

  #take(): boolean {
    const words = this.#words;
    let value = words[VALUE]!;
    while ((value & ~WAITERS) > 0) {
      const seen = Atomics.compareExchange(words, VALUE, value, value - 1);
      if (seen === value) return true;
      value = seen;
    }
    return false;
  }

  *#wait(seconds: number): Steps<boolean> {
    const words = this.#words;
    const acquiring: Blocking<number> = {
      sync: () => posix.semaphoreAcquire(words, VALUE, seconds),
      async: () => posix.semaphoreAcquireAsync(words, VALUE, seconds),
    };
    return (yield* step(acquiring)) === 1;
  }
}

/**
 * A semaphore whose value cannot exceed the one that it began with.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.BoundedSemaphore
 */
export class BoundedSemaphore extends Semaphore {
  override toString(): string {
    return `<BoundedSemaphore(value=${this.getValue()}, maxvalue=${this.maximum})>`;
  }

  protected override maximumFor(value: number): number {
    return value;
  }
}

function checkValue(value: unknown): void {
  const number = checkedInteger('value', value);
  if (number < 0) throw invalidValue();
  if (number > SEM_VALUE_MAX) throw new OverflowError('Python int too large to convert to C int');
}

for (const Class of [Semaphore, BoundedSemaphore]) {
  register(Class, {
    name: `multiproc.${Class.name}`,
    reduce: (semaphore: Semaphore, out) => reduceBlock(semaphore.block, out),
    construct: (parts: BlockAddress, from) => new Class(constructBlock(parts, from)),
  });
}

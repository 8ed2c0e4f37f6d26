/** One value of a simple type. */

import { inspect } from 'node:util';

import { AtomicArray, type Input } from './atomics';
import { type CodeInfo, type TypedArray } from './codes';

/**
 * RawValue('i'): a simple value in shared memory, without a lock. Reading and writing `value` are two
 * operations; those that change it in one are for integers (codes b B h H i I l L q Q), and return
 * the old value. They do not take a lock, not even that of a Value.
 */
export class Scalar<T = unknown> {
  /** The typed array of length 1 that it is. */
  readonly array: TypedArray;
  /** What is known of its type. */
  readonly info: CodeInfo;
  #operations: AtomicArray<T> | undefined;

  constructor(info: CodeInfo, buffer: ArrayBufferLike, byteOffset: number) {
    this.info = info;
    this.array = new info.array(buffer, byteOffset, 1);
  }

  get value(): T {
    return this.info.load(this.array[0]!) as T;
  }
  /** Integers wrap modulo their width. @throws TypeError */
  set value(value: T | Input<T>) {
    this.array[0] = this.info.store(value);
  }

  /** Adds to the value; returns the old one, as Atomics.add() does. */
  add(value: Input<T>): T {
    return this.#atomic.add(0, value);
  }
  sub(value: Input<T>): T {
    return this.#atomic.sub(0, value);
  }
  and(value: Input<T>): T {
    return this.#atomic.and(0, value);
  }
  or(value: Input<T>): T {
    return this.#atomic.or(0, value);
  }
  xor(value: Input<T>): T {
    return this.#atomic.xor(0, value);
  }
  exchange(value: Input<T>): T {
    return this.#atomic.exchange(0, value);
  }
  /** Replaces the value if it is `old`; returns what it was. */
  compareExchange(old: Input<T>, value: Input<T>): T {
    return this.#atomic.compareExchange(0, old, value);
  }
  load(): T {
    return this.#atomic.load(0);
  }
  store(value: Input<T>): void {
    this.#atomic.store(0, value);
  }

  /**
   * Waits while the value is `value`. For 4-byte integers (codes i and I).
   * @param timeout Seconds; null: for ever.
   * @returns Whether it was changed.
   */
  wait(value: Input<T>, timeout?: number | null): boolean {
    return this.#atomic.wait(0, value, timeout);
  }
  /** Like wait(), without blocking the event loop. */
  async waitAsync(value: Input<T>, timeout?: number | null): Promise<boolean> {
    return this.#atomic.waitAsync(0, value, timeout);
  }
  /** Lets those who wait look at the value again; returns how many, as far as it is known. */
  notify(count?: number): number {
    return this.#atomic.notify(0, count);
  }

  /** The repr of ctypes: c_int(5). */
  toString(): string {
    return `${this.info.name}(${inspect(this.value)})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  get #atomic(): AtomicArray<T> {
    return (this.#operations ??= new AtomicArray<T>(this.array));
  }
}

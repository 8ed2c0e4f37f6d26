/** Atomic operations on integers in shared memory: what Python's `value += 1` is not. */

import { checkedInteger, checkedTimeout } from '../arguments';
import { runAsync, runSync, type Steps } from '../blocking';
import { expected, IndexError } from '../errors';
import { posix } from '../native';
import { waitForChange } from '../synchronize/words';
import { type CodeInfo, codeOf, infoOf, type Stored, type TypedArray } from './codes';

const MOST = 0x7fffffff;

/** What is accepted as a value of an element. */
export type Input<T> = T extends number | bigint ? number | bigint | boolean : T;

/** JavaScript's own, for integers of any width. */
type Operation = (array: TypedArray, index: number, value: Stored) => Stored;
const { add, sub, and, or, xor, exchange, store } = Atomics as unknown as Record<string, Operation>;
const { compareExchange, load } = Atomics as unknown as {
  compareExchange: (array: TypedArray, index: number, old: Stored, value: Stored) => Stored;
  load: (array: TypedArray, index: number) => Stored;
};

/** The atomic operations on the elements of a typed array. Each returns the old value. */
export class AtomicArray<T> {
  readonly #array: TypedArray;
  readonly #info: CodeInfo;

  /** @throws TypeError if the elements are no integers. */
  constructor(array: object) {
    const info = codeOf(array);
    if (!info?.isInteger) throw new TypeError('atomic operations are for integers');
    this.#array = array as TypedArray;
    this.#info = info;
  }

  add = (index: number, value: Input<T>): T => this.#apply(add!, index, value);
  sub = (index: number, value: Input<T>): T => this.#apply(sub!, index, value);
  and = (index: number, value: Input<T>): T => this.#apply(and!, index, value);
  or = (index: number, value: Input<T>): T => this.#apply(or!, index, value);
  xor = (index: number, value: Input<T>): T => this.#apply(xor!, index, value);
  exchange = (index: number, value: Input<T>): T => this.#apply(exchange!, index, value);

  compareExchange(index: number, old: Input<T>, value: Input<T>): T {
    const info = this.#info;
    return compareExchange(this.#array, index, info.store(old), info.store(value)) as T;
  }

  load(index: number): T {
    return load(this.#array, index) as T;
  }

  store(index: number, value: Input<T>): void {
    this.#apply(store!, index, value);
  }

  wait(index: number, value: Input<T>, timeout?: number | null): boolean {
    return wait(this.#array as Int32Array, index, value as number, timeout);
  }

  waitAsync(index: number, value: Input<T>, timeout?: number | null): Promise<boolean> {
    return waitAsync(this.#array as Int32Array, index, value as number, timeout);
  }

  notify(index: number, count?: number): number {
    return notify(this.#array as Int32Array, index, count);
  }

  #apply(operation: Operation, index: number, value: unknown): T {
    return operation(this.#array, index, this.#info.store(value)) as T;
  }
}

/**
 * Waits while array[index] is `value`: until another process, or another thread of this one, has
 * changed it and called notify(). For arrays of 4-byte integers in shared memory.
 * @param timeout Seconds; null: for ever.
 * @returns Whether it was changed.
 * @throws TypeError for another array; IndexError.
 */
export function wait(
  array: Int32Array | Uint32Array,
  index: number,
  value: number | bigint,
  timeout?: number | null,
): boolean {
  return runSync(waiting(array, index, value, timeout));
}

/** Like wait(), without blocking the event loop. */
export async function waitAsync(
  array: Int32Array | Uint32Array,
  index: number,
  value: number | bigint,
  timeout?: number | null,
): Promise<boolean> {
  return runAsync(waiting(array, index, value, timeout));
}

/**
 * Lets those who wait for array[index] look at it again.
 * @param count How many at most; all by default.
 * @returns How many were woken, as far as it is known.
 */
export function notify(array: Int32Array | Uint32Array, index: number, count = Infinity): number {
  const words = wordsOf(array, index);
  const most = count === Infinity ? MOST : checkedInteger('count', count);
  return most <= 0 ? 0 : posix.wake(words, index, Math.min(most, MOST));
}

function waiting(array: unknown, index: number, value: unknown, timeout: unknown): Steps<boolean> {
  const words = wordsOf(array, index);
  const word = Number(infoOf('i').store(value)) | 0;
  return waitForChange(words, index, word, checkedTimeout(timeout) ?? Infinity);
}

function wordsOf(value: unknown, index: number): Int32Array {
  const info = codeOf(value);
  if (info?.code !== 'i' && info?.code !== 'I') {
    throw new TypeError(expected('an array of 4-byte integers', 'array', value));
  }
  const array = value as Int32Array;
  if (checkedInteger('index', index) < 0 || index >= array.length) {
    throw new IndexError('invalid index');
  }
  if (info.code === 'i') return array;
  return new Int32Array(array.buffer, array.byteOffset, array.length);
}

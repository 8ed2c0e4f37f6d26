/** Raw objects with a lock: CPython's Synchronized classes. */

import { inspect } from 'node:util';

import { type BlockOptions, checkedInteger } from '../arguments';
import { AttributeError, ValueError } from '../errors';
import { registerPrototype } from '../serialization/registry';
import { Acquirable } from '../synchronize/acquirable';
import { AtomicArray, type Input } from './atomics';
import { codeOf, type TypedArray } from './codes';
import { addIndexSyntax } from './index-syntax';
import type { Scalar } from './scalar';
import { checkedIndex, CompoundArray, type Structure } from './structure';
import { CharArray, type WideCharArray } from './text';

/** What serves as the lock of a shared object. */
export interface LockLike {
  acquire(block?: boolean | BlockOptions, timeout?: number | null): boolean;
  acquireAsync(block?: boolean | BlockOptions, timeout?: number | null): Promise<boolean>;
  release(): void;
}

/**
 * A raw object and its lock. Each single access takes the lock; for more, hold it:
 * `counter.with(() => { counter.value += 1; })`.
 */
export abstract class SynchronizedBase<R extends object> extends Acquirable {
  readonly #object: R;
  readonly #lock: LockLike;

  constructor(object: R, lock: LockLike) {
    super();
    this.#object = object;
    this.#lock = lock;
  }

  /** The raw object. */
  getObj(): R {
    return this.#object;
  }

  getLock(): LockLike {
    return this.#lock;
  }

  acquire(block?: boolean | BlockOptions, timeout?: number | null): boolean {
    return this.#lock.acquire(block, timeout);
  }

  acquireAsync(block?: boolean | BlockOptions, timeout?: number | null): Promise<boolean> {
    return this.#lock.acquireAsync(block, timeout);
  }

  release(): void {
    this.#lock.release();
  }

  /** Python's repr. */
  toString(): string {
    const shown = inspect(this.#object, { breakLength: Infinity });
    return `<${this.constructor.name} wrapper for ${shown}>`;
  }
}

/** Calls the function with the lock held. */
export function withLockOf<T>(object: SynchronizedBase<object>, access: () => T): T {
  const lock = object.getLock();
  lock.acquire();
  try {
    return access();
  } finally {
    lock.release();
  }
}

/**
 * A simple value with a lock. The atomic operations (see Scalar) need no lock, and take none; so
 * they should not be mixed with changes that are made with the lock held.
 */
export class Synchronized<T = unknown> extends SynchronizedBase<Scalar<T>> {
  get value(): T {
    return withLockOf(this, () => this.getObj().value);
  }
  /** Integers wrap modulo their width. @throws TypeError */
  set value(value: T | Input<T>) {
    withLockOf(this, () => (this.getObj().value = value));
  }

  /** Adds to the value; returns the old one, as Atomics.add() does. */
  add(value: Input<T>): T {
    return this.getObj().add(value);
  }
  sub(value: Input<T>): T {
    return this.getObj().sub(value);
  }
  and(value: Input<T>): T {
    return this.getObj().and(value);
  }
  or(value: Input<T>): T {
    return this.getObj().or(value);
  }
  xor(value: Input<T>): T {
    return this.getObj().xor(value);
  }
  exchange(value: Input<T>): T {
    return this.getObj().exchange(value);
  }
  /** Replaces the value if it is `old`; returns what it was. */
  compareExchange(old: Input<T>, value: Input<T>): T {
    return this.getObj().compareExchange(old, value);
  }
  load(): T {
    return this.getObj().load();
  }
  store(value: Input<T>): void {
    this.getObj().store(value);
  }

  /**
   * Waits while the value is `value`. For 4-byte integers (codes i and I).
   * @param timeout Seconds; null: for ever.
   * @returns Whether it was changed.
   */
  wait(value: Input<T>, timeout?: number | null): boolean {
    return this.getObj().wait(value, timeout);
  }
  /** Like wait(), without blocking the event loop. */
  waitAsync(value: Input<T>, timeout?: number | null): Promise<boolean> {
    return this.getObj().waitAsync(value, timeout);
  }
  /** Lets those who wait look at the value again; returns how many, as far as it is known. */
  notify(count?: number): number {
    return this.getObj().notify(count);
  }
}

/**
 * An array with a lock. `array[i]` is get(i) and set(i, value), only slower; for work on many
 * elements hold the lock and use getObj(), the typed array itself.
 */
export class SynchronizedArray<
  T = unknown,
  R extends object = TypedArray,
> extends SynchronizedBase<R> {
  [index: number]: T;
  #operations: AtomicArray<T> | undefined;

  get length(): number {
    return this.#array.length;
  }

  /** The element; negative indexes count from the end. @throws IndexError */
  get(index: number): T {
    const found = this.#index(index);
    return withLockOf(this, () => elementOf(this.#array, found) as T);
  }

  /** @throws IndexError; TypeError */
  set(index: number, value: Input<T>): void {
    this.#assign(this.#index(index), [value]);
  }

  /** The element, or undefined outside. */
  at(index: number): T | undefined {
    const { length } = this;
    return index < -length || index >= length ? undefined : this.get(index);
  }

  /** A copy of a part, as of JavaScript's arrays. */
  slice(start?: number, end?: number): T[] {
    return withLockOf(this, () => [...this.#array.slice(start, end)] as T[]);
  }

  /**
   * Python's `array[start:end] = values`.
   * @throws ValueError if there are more or fewer values.
   */
  setSlice(start: number, end: number, values: Iterable<Input<T>>): void {
    const first = clamped('start', start, this.length);
    const given = [...values];
    if (given.length !== Math.max(clamped('end', end, this.length) - first, 0)) {
      throw new ValueError('Can only assign sequence of same size');
    }
    this.#assign(first, given);
  }

  /** The elements of one moment. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.slice().values();
  }

  /** Adds to an element; returns its old value. Like all atomic operations it takes no lock. */
  add(index: number, value: Input<T>): T {
    return this.#atomic.add(this.#index(index), value);
  }
  sub(index: number, value: Input<T>): T {
    return this.#atomic.sub(this.#index(index), value);
  }
  and(index: number, value: Input<T>): T {
    return this.#atomic.and(this.#index(index), value);
  }
  or(index: number, value: Input<T>): T {
    return this.#atomic.or(this.#index(index), value);
  }
  xor(index: number, value: Input<T>): T {
    return this.#atomic.xor(this.#index(index), value);
  }
  exchange(index: number, value: Input<T>): T {
    return this.#atomic.exchange(this.#index(index), value);
  }
  /** Replaces an element if it is `old`; returns what it was. */
  compareExchange(index: number, old: Input<T>, value: Input<T>): T {
    return this.#atomic.compareExchange(this.#index(index), old, value);
  }
  load(index: number): T {
    return this.#atomic.load(this.#index(index));
  }
  store(index: number, value: Input<T>): void {
    this.#atomic.store(this.#index(index), value);
  }

  /**
   * Waits while the element is `value`. For 4-byte integers (codes i and I).
   * @param timeout Seconds; null: for ever.
   * @returns Whether it was changed.
   */
  wait(index: number, value: Input<T>, timeout?: number | null): boolean {
    return this.#atomic.wait(this.#index(index), value, timeout);
  }
  /** Like wait(), without blocking the event loop. */
  async waitAsync(index: number, value: Input<T>, timeout?: number | null): Promise<boolean> {
    return this.#atomic.waitAsync(this.#index(index), value, timeout);
  }
  /** Lets those who wait look at the element again; how many, as far as it is known. */
  notify(index: number, count?: number): number {
    return this.#atomic.notify(this.#index(index), count);
  }

  get #array(): TypedArray | CompoundArray {
    return this.getObj() as unknown as TypedArray | CompoundArray;
  }

  get #atomic(): AtomicArray<T> {
    return (this.#operations ??= new AtomicArray<T>(this.#array));
  }

  #index(index: number): number {
    return checkedIndex(index, this.length);
  }

  /** All values are checked before any is stored. */
  #assign(first: number, values: unknown[]): void {
    const array = this.#array;
    if (array instanceof CompoundArray) {
      withLockOf(this, () => {
        for (const [index, value] of values.entries()) array.set(first + index, value);
      });
      return;
    }
    const stored = values.map(codeOf(array)!.store);
    withLockOf(this, () => array.set(stored, first));
  }
}

addIndexSyntax(SynchronizedArray.prototype);

function elementOf(array: TypedArray | CompoundArray, index: number): unknown {
  return array instanceof CompoundArray ? array.get(index) : array[index];
}

/** An end of a slice as an index: negative ones count from the end. */
function clamped(name: string, index: number, length: number): number {
  const number = index === Infinity ? length : checkedInteger(name, index);
  return Math.min(Math.max(number < 0 ? number + length : number, 0), length);
}

/** An array of characters with a lock. */
export class SynchronizedString<
  Text extends Buffer | string = Buffer,
  R extends CharArray | WideCharArray = CharArray,
> extends SynchronizedArray<number, R> {
  /** The text up to the first NUL: bytes (code c) or a string (code u). */
  get value(): Text {
    return withLockOf(this, () => this.getObj().value as Text);
  }
  /** @throws ValueError if it is too long. */
  set value(value: Text | Uint8Array | string) {
    withLockOf(this, () => ((this.getObj() as { value: unknown }).value = value));
  }

  /** All bytes: of code c only. */
  get raw(): Buffer {
    return withLockOf(this, () => this.#bytes.raw);
  }
  set raw(value: Buffer | Uint8Array | string) {
    withLockOf(this, () => (this.#bytes.raw = value));
  }

  get #bytes(): CharArray {
    const array = this.getObj();
    if (array instanceof CharArray) return array;
    throw new AttributeError("an array of code u has no attribute 'raw'");
  }
}

/** A structure with a lock: it has the same fields. */
export class SynchronizedStructure<R extends Structure = Structure> extends SynchronizedBase<R> {}

type StructureClass = new (structure: Structure, lock: LockLike) => SynchronizedStructure;

/** For the prototype of each class of structures, the class that has the same fields. */
const classes = new WeakMap<object, StructureClass>();

export function synchronizedStructure(structure: Structure, lock: LockLike): SynchronizedStructure {
  const prototype = Object.getPrototypeOf(structure) as object;
  let found = classes.get(prototype);
  if (found === undefined) classes.set(prototype, (found = defineClass(Object.keys(prototype))));
  return new found(structure, lock);
}

function defineClass(names: string[]): StructureClass {
  const defined = class extends SynchronizedStructure {};
  Object.defineProperty(defined, 'name', { value: SynchronizedStructure.name });
  for (const name of names) Object.defineProperty(defined.prototype, name, propertyOf(name));
  registerPrototype(defined.prototype, SynchronizedStructure);
  return defined;
}

function propertyOf(name: string): PropertyDescriptor {
  const fieldsOf = (object: SynchronizedStructure): Record<string, unknown> =>
    object.getObj() as unknown as Record<string, unknown>;
  return {
    enumerable: true,
    configurable: true,
    get(this: SynchronizedStructure) {
      return withLockOf(this, () => fieldsOf(this)[name]);
    },
    set(this: SynchronizedStructure, value: unknown) {
      withLockOf(this, () => (fieldsOf(this)[name] = value));
    },
  };
}

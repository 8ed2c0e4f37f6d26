/**
 * Values and arrays of C types in shared memory: CPython's multiprocessing/sharedctypes.py. A type is
 * a code (c u b B h H i I l L q Q f d), the fields of a structure ({ x: 'd', y: 'd' }), or an array
 * in a structure (['d', 3]). Integers of codes l L q Q are BigInt; Numbers are taken for them.
 */

import { inspect } from 'node:util';

import { checkedInteger, withKnownNames } from './arguments';
import { AssertionError, AttributeError } from './errors';
import { register } from './serialization';
import type { Arrays, Code, Elements } from './sharedctypes/codes';
import { allocate, constructRaw, type RawMessage, reduceRaw } from './sharedctypes/memory';
import { Scalar } from './sharedctypes/scalar';
import { CompoundArray, Structure } from './sharedctypes/structure';
import {
  type LockLike,
  Synchronized,
  SynchronizedArray,
  SynchronizedBase,
  SynchronizedString,
  SynchronizedStructure,
  synchronizedStructure,
  withLockOf,
} from './sharedctypes/synchronized';
import { CharArray, WideCharArray } from './sharedctypes/text';
import {
  arrayOf,
  bytesOf,
  type CType,
  type Fields,
  type FieldsOf,
  itemsOf,
  type Raw,
  type RawArrayOf,
  typeFrom,
  typeOf,
} from './sharedctypes/types';
import { RLock } from './synchronize';

export * as atomics from './sharedctypes/atomics';
export { Scalar, CharArray, CompoundArray, Structure, WideCharArray };
export { Synchronized, SynchronizedArray, SynchronizedString, SynchronizedStructure };
export type { Code, CType, Fields, LockLike, Raw, RawArrayOf };

export interface LockOptions {
  /** The lock; true or null: a new RLock; false: none, which makes a raw object. */
  lock?: LockLike | boolean | null;
}

/** What Value() of a type returns. */
export type SynchronizedOf<T> = T extends Code
  ? Synchronized<Elements[T]>
  : T extends readonly [infer E, number]
    ? SynchronizedArrayOf<E>
    : SynchronizedStructure<Extract<Raw<T>, Structure>> & FieldsOf<T>;

/** What Array() of a type returns. */
export type SynchronizedArrayOf<E> = E extends 'c'
  ? SynchronizedString
  : E extends 'u'
    ? SynchronizedString<string, WideCharArray>
    : E extends Code
      ? SynchronizedArray<Elements[E], Arrays[E]>
      : SynchronizedArray<Raw<E>, CompoundArray<Extract<Raw<E>, object>>>;

/** How many elements, which are zero then, or what they are. */
export type Initializer = number | Iterable<unknown> | string;

function rawValue(spec: unknown, given: unknown[]): object {
  const type = typeFrom(spec);
  const object = allocate(type);
  if (given.length > 0) type.initialize(object, type.initialOf(given));
  return object;
}

function rawArray(spec: unknown, initializer: unknown): object {
  if (typeof initializer === 'number') {
    return allocate(arrayOf(spec, checkedInteger('sizeOrInitializer', initializer)));
  }
  const items = itemsOf(initializer, typeFrom(spec));
  const type = arrayOf(spec, items.length);
  const object = allocate(type);
  type.initialize(object, items);
  return object;
}

/** A raw object with the lock of the options; itself if they say that there is none. */
function withLock(object: object, { lock = true }: LockOptions): object {
  if (lock === false) return object;
  if (lock === true || lock === null) return synchronized(object);
  if (typeof (lock as Partial<LockLike>).acquire !== 'function') {
    throw new AttributeError(`${inspect(lock)} has no method 'acquire'`);
  }
  return synchronized(object, lock);
}

function isLockOptions(value: unknown): value is LockOptions {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype && Object.keys(value).every((name) => name === 'lock');
}

/** What can be called with and without `new`. */
interface RawValueFunction {
  <const T extends CType>(type: T, ...initial: unknown[]): Raw<T>;
  new <const T extends CType>(type: T, ...initial: unknown[]): Raw<T>;
}

interface RawArrayFunction {
  <const T extends CType>(type: T, sizeOrInitializer: Initializer): RawArrayOf<T>;
  new <const T extends CType>(type: T, sizeOrInitializer: Initializer): RawArrayOf<T>;
}

type Raws = [...initial: unknown[], options: { lock: false }];

interface ValueFunction {
  <const T extends CType>(type: T, ...initialAndOptions: Raws): Raw<T>;
  <const T extends CType>(type: T, ...initialAndOptions: unknown[]): SynchronizedOf<T>;
  new <const T extends CType>(type: T, ...initialAndOptions: Raws): Raw<T>;
  new <const T extends CType>(type: T, ...initialAndOptions: unknown[]): SynchronizedOf<T>;
}

interface ArrayFunction {
  <const T extends CType>(
    type: T,
    sizeOrInitializer: Initializer,
    options: { lock: false },
  ): RawArrayOf<T>;
  <const T extends CType>(
    type: T,
    sizeOrInitializer: Initializer,
    options?: LockOptions,
  ): SynchronizedArrayOf<T>;
  new <const T extends CType>(
    type: T,
    sizeOrInitializer: Initializer,
    options: { lock: false },
  ): RawArrayOf<T>;
  new <const T extends CType>(
    type: T,
    sizeOrInitializer: Initializer,
    options?: LockOptions,
  ): SynchronizedArrayOf<T>;
}

/**
 * A value in shared memory, without a lock.
 * @param initial Zero by default. For a structure the values of its fields in order, or an object.
 * @throws TypeError for an unknown type or a value that it cannot have.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.sharedctypes.RawValue
 */
export const RawValue = function RawValue(type: unknown, ...initial: unknown[]) {
  return rawValue(type, initial);
} as unknown as RawValueFunction;

/**
 * An array in shared memory, without a lock: the typed array on that memory. Of structures and of
 * arrays it is a CompoundArray.
 * @param sizeOrInitializer The length, for zeros, or the elements. A string is one of UTF-8 (code c)
 *   or of code points (code u).
 * @throws TypeError; ValueError for a negative length.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.sharedctypes.RawArray
 */
export const RawArray = function RawArray(type: unknown, sizeOrInitializer: unknown) {
  return rawArray(type, sizeOrInitializer);
} as unknown as RawArrayFunction;

/**
 * A value in shared memory, with a lock. The last argument may be `{ lock }`.
 * @throws TypeError; AttributeError for a lock that is none.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Value
 */
export const Value = function Value(type: unknown, ...initialAndOptions: unknown[]) {
  const last = initialAndOptions.at(-1);
  if (!isLockOptions(last)) return withLock(rawValue(type, initialAndOptions), {});
  return withLock(rawValue(type, initialAndOptions.slice(0, -1)), last);
} as unknown as ValueFunction;

/**
 * An array in shared memory, with a lock.
 * @throws TypeError; ValueError for a negative length; AttributeError for a lock that is none.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Array
 */
const SharedArray = function Array(
  type: unknown,
  sizeOrInitializer: unknown,
  options: LockOptions = {},
) {
  return withLock(rawArray(type, sizeOrInitializer), withKnownNames('Array', options, ['lock']));
} as unknown as ArrayFunction;
export { SharedArray as Array };

/** A raw object in shared memory of its own, with the same contents. Of one with a lock: without. */
export function copy<R extends object>(object: R | SynchronizedBase<R>): R {
  if (object instanceof SynchronizedBase) {
    return withLockOf(object, () => copy<R>(object.getObj()));
  }
  const result = allocate(typeOf(object));
  bytesOf(result).set(bytesOf(object));
  return result as R;
}

/**
 * Gives a raw object a lock: a new RLock by default.
 * @throws AssertionError if it has one; TypeError if it is no raw object.
 */
export function synchronized<R extends object>(
  object: R,
  lock?: LockLike | null,
): SynchronizedForm<R> {
  if (object instanceof SynchronizedBase) throw new AssertionError('object already synchronized');
  return synchronizedForm(object, lock ?? new RLock()) as SynchronizedForm<R>;
}

type SynchronizedForm<R> =
  R extends Scalar<infer T>
    ? Synchronized<T>
    : R extends Structure
      ? SynchronizedStructure<R> & Omit<R, keyof Structure>
      : R extends CharArray
        ? SynchronizedString
        : R extends WideCharArray
          ? SynchronizedString<string, WideCharArray>
          : R extends Readonly<Record<number, infer T>>
            ? SynchronizedArray<T, R>
            : never;

function synchronizedForm(object: object, lock: LockLike): object {
  if (object instanceof Scalar) return new Synchronized(object, lock);
  if (object instanceof Structure) return synchronizedStructure(object, lock);
  if (object instanceof CharArray || object instanceof WideCharArray) {
    return new SynchronizedString(object, lock);
  }
  typeOf(object);
  return new SynchronizedArray(object, lock);
}

interface SynchronizedMessage {
  raw: RawMessage;
  lock: LockLike;
}

for (const Class of [Scalar, Structure, CompoundArray]) {
  register(Class, { name: `multiproc.${Class.name}`, reduce: reduceRaw, construct: constructRaw });
}

for (const Class of [Synchronized, SynchronizedArray, SynchronizedString, SynchronizedStructure]) {
  register(Class, {
    name: `multiproc.${Class.name}`,
    reduce: (object: SynchronizedBase<object>, out): SynchronizedMessage => {
      return { raw: reduceRaw(object.getObj(), out), lock: object.getLock() };
    },
    construct: ({ raw, lock }: SynchronizedMessage, from) =>
      synchronizedForm(constructRaw(raw, from), lock),
  });
}

// Typed arrays cross as copies, these too.
register(CharArray, {
  name: 'multiproc.CharArray',
  reduce: (array: CharArray) => array.slice(),
  construct: (bytes: Uint8Array) => CharArray.from(bytes),
});
register(WideCharArray, {
  name: 'multiproc.WideCharArray',
  reduce: (array: WideCharArray) => array.slice(),
  construct: (points: Uint32Array) => WideCharArray.from(points),
});

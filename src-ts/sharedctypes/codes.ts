/** The type codes of Python's array and ctypes modules, with their sizes on 64-bit Unix. */

import { expected } from '../errors';
import { CharArray, WideCharArray } from './text';

/** What `.value` is for each code. */
export interface Elements {
  c: Buffer;
  u: string;
  b: number;
  B: number;
  h: number;
  H: number;
  i: number;
  I: number;
  l: bigint;
  L: bigint;
  q: bigint;
  Q: bigint;
  f: number;
  d: number;
}

/** What an array is for each code. */
export interface Arrays {
  c: CharArray;
  u: WideCharArray;
  b: Int8Array;
  B: Uint8Array;
  h: Int16Array;
  H: Uint16Array;
  i: Int32Array;
  I: Uint32Array;
  l: BigInt64Array;
  L: BigUint64Array;
  q: BigInt64Array;
  Q: BigUint64Array;
  f: Float32Array;
  d: Float64Array;
}

export type Code = keyof Elements;

/** What lies in memory: a typed array's element. */
export type Stored = number | bigint;

export interface TypedArray {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly length: number;
  readonly BYTES_PER_ELEMENT: number;
  readonly [Symbol.toStringTag]: string;
  [index: number]: Stored;
  [Symbol.iterator](): IterableIterator<Stored>;
  fill(value: Stored): this;
  set(values: ArrayLike<Stored>, offset?: number): void;
  slice(start?: number, end?: number): TypedArray;
}

interface TypedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
}

export interface CodeInfo {
  readonly code: Code;
  /** Its name in ctypes. */
  readonly name: string;
  readonly array: TypedArrayConstructor;
  readonly isInteger: boolean;
  /** What to store for a value. @throws TypeError */
  readonly store: (value: unknown) => Stored;
  /** The value of what is stored. */
  readonly load: (stored: Stored) => unknown;
}

/** Typed arrays wrap integers modulo their width. */
function integer(value: unknown): Stored {
  if (Number.isInteger(value)) return value as number;
  if (typeof value === 'bigint') return Number(BigInt.asIntN(32, value));
  if (typeof value === 'boolean') return Number(value);
  throw new TypeError(expected('an integer', 'value', value));
}

function bigInteger(value: unknown): Stored {
  if (typeof value === 'bigint') return value;
  if (Number.isSafeInteger(value) || typeof value === 'boolean') return BigInt(value as number);
  throw new TypeError(expected('a BigInt or a safe integer', 'value', value));
}

function real(value: unknown): Stored {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  throw new TypeError(expected('a number', 'value', value));
}

function byte(value: unknown): Stored {
  const isByte = Number.isInteger(value) && (value as number) >= 0 && (value as number) < 256;
  if (isByte) return value as number;
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (ArrayBuffer.isView(bytes) && bytes.byteLength === 1) return (bytes as Uint8Array)[0]!;
  throw new TypeError('one character bytes, bytearray, or an integer in range(256) expected');
}

function codePoint(value: unknown): Stored {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0x10ffff) {
    return value as number;
  }
  const points = typeof value === 'string' ? Array.from(value) : [];
  if (points.length === 1) return points[0]!.codePointAt(0)!;
  throw new TypeError('one character unicode string expected');
}

type Row = [name: string, array: unknown, store: (value: unknown) => Stored];

const rows: Readonly<Record<Code, Row>> = {
  c: ['c_char', CharArray, byte],
  u: ['c_wchar', WideCharArray, codePoint],
  b: ['c_byte', Int8Array, integer],
  B: ['c_ubyte', Uint8Array, integer],
  h: ['c_short', Int16Array, integer],
  H: ['c_ushort', Uint16Array, integer],
  i: ['c_int', Int32Array, integer],
  I: ['c_uint', Uint32Array, integer],
  l: ['c_long', BigInt64Array, bigInteger],
  L: ['c_ulong', BigUint64Array, bigInteger],
  q: ['c_longlong', BigInt64Array, bigInteger],
  Q: ['c_ulonglong', BigUint64Array, bigInteger],
  f: ['c_float', Float32Array, real],
  d: ['c_double', Float64Array, real],
};

function load(code: Code): (stored: Stored) => unknown {
  if (code === 'c') return (stored) => Buffer.of(stored as number);
  if (code === 'u') return (stored) => String.fromCodePoint(stored as number);
  return (stored) => stored;
}

const codes = new Map<unknown, CodeInfo>(
  Object.entries(rows).map(([key, [name, array, store]]) => {
    const code = key as Code;
    const isInteger = store === integer || store === bigInteger;
    const info = { code, name, array: array as TypedArrayConstructor, isInteger, store };
    return [code, { ...info, load: load(code) }];
  }),
);

/** @throws TypeError if there is no such code. */
export function infoOf(code: unknown): CodeInfo {
  const info = codes.get(code);
  if (info === undefined) throw new TypeError('this type has no size');
  return info;
}

/** By the names of typed arrays: in a vm context the classes themselves are others. */
const byName = new Map([...codes.values()].map((info) => [info.array.name, info]));

/** Of a typed array, its code; undefined for anything else. */
export function codeOf(array: unknown): CodeInfo | undefined {
  if (array instanceof CharArray) return infoOf('c');
  if (array instanceof WideCharArray) return infoOf('u');
  if (!ArrayBuffer.isView(array)) return undefined;
  return byName.get((array as unknown as TypedArray)[Symbol.toStringTag]);
}

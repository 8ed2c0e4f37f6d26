/** What C asks of its arguments. */

import { checkedInteger, checkedTimeout } from '../arguments';
import { expected, OverflowError, ValueError } from '../errors';

const INT_MAX = 2 ** 31 - 1;

/** Checks an int: it must not become another number on its way. */
export function checkedInt(name: string, value: unknown): number {
  const integer = checkedInteger(name, value);
  if (integer >= -INT_MAX - 1 && integer <= INT_MAX) return integer;
  throw new OverflowError(`${name} does not fit into an int: ${integer}`);
}

/** Checks an unsigned int: a mode, an initial value, a priority. */
export function checkedUnsigned(name: string, value: unknown): number {
  const integer = checkedInt(name, value);
  if (integer >= 0) return integer;
  throw new ValueError(`${name} must not be negative: ${integer}`);
}

/** Checks a number of bytes. */
export function checkedSize(name: string, value: unknown): number {
  const size = checkedInteger(name, value);
  if (size < 0) throw new ValueError(`${name} must not be negative: ${size}`);
  if (Number.isSafeInteger(size)) return size;
  throw new OverflowError(`${name} is too large: ${size}`);
}

/** Checks a name that ends with a NUL in C. */
export function checkedName(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(expected('a string', 'name', value));
  if (value.includes('\0')) throw new ValueError('embedded null character in name');
  return value;
}

/** Checks a number of seconds; Infinity for ever. */
export function checkedSeconds(timeout: unknown): number {
  return checkedTimeout(timeout) ?? Infinity;
}

/** The bytes of a string in UTF-8, or those that a view shows. */
export function checkedBytes(name: string, value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw new TypeError(expected('a string or bytes', name, value));
}

/** Arrays of characters, as ctypes has them: up to the first NUL they are text. */

import { expected, ValueError } from '../errors';

/** RawArray('c', ...): bytes, with `value` and `raw` of ctypes. */
export class CharArray extends Uint8Array<ArrayBuffer> {
  /** Parts and copies of it are plain. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  /** A copy of the bytes before the first NUL; setting it adds a NUL if there is room. */
  get value(): Buffer {
    const end = this.indexOf(0);
    return Buffer.from(end < 0 ? this : this.subarray(0, end));
  }
  /** @throws ValueError if it is too long; TypeError if it is neither a string nor bytes. */
  set value(value: Buffer | Uint8Array | string) {
    const { length } = this.#store(value);
    if (length < this.length) this[length] = 0;
  }

  /** A copy of all bytes. */
  get raw(): Buffer {
    return Buffer.from(this);
  }
  set raw(value: Buffer | Uint8Array | string) {
    this.#store(value);
  }

  #store(value: unknown): Uint8Array {
    const bytes = toBytes(value);
    if (bytes.length > this.length) throw new ValueError('byte string too long');
    this.set(bytes);
    return bytes;
  }
}

/** RawArray('u', ...): code points, with `value` of ctypes. */
export class WideCharArray extends Uint32Array<ArrayBuffer> {
  /** Parts and copies of it are plain. */
  static get [Symbol.species](): Uint32ArrayConstructor {
    return Uint32Array;
  }

  /** The text before the first NUL; setting it adds a NUL if there is room. */
  get value(): string {
    const end = this.indexOf(0);
    return Array.from(end < 0 ? this : this.subarray(0, end), (point) =>
      String.fromCodePoint(point),
    ).join('');
  }
  /** @throws ValueError if it is too long; TypeError if it is no string. */
  set value(value: string) {
    const points = toCodePoints(value);
    if (points.length > this.length) throw new ValueError('string too long');
    this.set(points);
    if (points.length < this.length) this[points.length] = 0;
  }
}

/** The bytes of a string are UTF-8. */
export function toBytes(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw new TypeError(expected('bytes or a string', 'value', value));
}

export function toCodePoints(value: unknown): number[] {
  if (typeof value !== 'string') throw new TypeError(expected('a string', 'value', value));
  return Array.from(value, (character) => character.codePointAt(0)!);
}

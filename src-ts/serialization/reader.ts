/** Primitives out of bytes. */

import { UnpicklingError } from '../errors';
import { ASCII, asBigInt64, asFloat64, eight, SHORT, stringMethods, UCS2, UTF8 } from './format';

const { fromCharCode } = String;
const nothing = new Uint8Array(0);

/** Keys come again and again: a few of them, by a hash of their characters. */
const KEYS = 1024;
const knownKeys: (string | undefined)[] = new Array<undefined>(KEYS).fill(undefined);

export class Reader {
  bytes: Uint8Array = nothing;
  position = 0;
  end = 0;

  start(bytes: Uint8Array, length: number): void {
    this.bytes = bytes;
    this.position = 0;
    this.end = length;
  }

  stop(): void {
    this.bytes = nothing;
  }

  fail(why: string): never {
    throw new UnpicklingError(`${why} at byte ${this.position} of ${this.end}`);
  }

  /** Moves on by so many bytes, if there are so many; returns where they begin. */
  skip(size: number): number {
    const { position } = this;
    if (size > this.end - position) this.fail(`${size} bytes are missing`);
    this.position = position + size;
    return position;
  }

  byte(): number {
    return this.bytes[this.skip(1)]!;
  }

  size(): number {
    let size = this.byte();
    if (size < 0x80) return size;
    size &= 0x7f;
    for (let factor = 0x80; factor < 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      size += (byte & 0x7f) * factor;
      if (byte < 0x80) return size;
    }
    return this.fail('too large a size');
  }

  /** The number of things that take at least so many bytes each. */
  count(least: number): number {
    const count = this.size();
    if (count * least > this.end - this.position) this.fail(`too large a count, ${count},`);
    return count;
  }

  int32(): number {
    const at = this.skip(4);
    const { bytes } = this;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  private eightBytes(): void {
    const at = this.skip(8);
    const { bytes } = this;
    for (let i = 0; i < 8; i++) eight[i] = bytes[at + i]!;
  }

  float64(): number {
    this.eightBytes();
    return asFloat64[0]!;
  }

  bigint64(): bigint {
    this.eightBytes();
    return asBigInt64[0]!;
  }

  bigint(): bigint {
    const digits = this.string();
    if (!/^-?[0-9a-f]+$/.test(digits)) this.fail('bad digits');
    return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
  }

  /** What has to be a string. */
  string(): string {
    const tag = this.byte();
    return tag >= SHORT ? this.shortString(tag - SHORT) : this.longString(tag);
  }

  shortString(length: number): string {
    const at = this.skip(length);
    const b = this.bytes;
    // Node's own method takes five times as long for these.
    switch (length) {
      case 0:
        return '';
      case 1:
        return fromCharCode(b[at]!);
      case 2:
        return fromCharCode(b[at]!, b[at + 1]!);
      case 3:
        return fromCharCode(b[at]!, b[at + 1]!, b[at + 2]!);
      case 4:
        return fromCharCode(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!);
      case 5:
        return fromCharCode(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!);
      case 6:
        return fromCharCode(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!, b[at + 5]!);
      default:
        return stringMethods.latin1Slice.call(b, at, at + length);
    }
  }

  longString(tag: number): string {
    if (tag !== ASCII && tag !== UTF8 && tag !== UCS2) this.fail('no string');
    const size = this.size();
    const at = this.skip(size);
    if (tag === ASCII) return stringMethods.latin1Slice.call(this.bytes, at, at + size);
    if (tag === UTF8) return stringMethods.utf8Slice.call(this.bytes, at, at + size);
    if (size % 2 !== 0) this.fail('half a character');
    return stringMethods.ucs2Slice.call(this.bytes, at, at + size);
  }

  /** The key of a field. */
  key(): string {
    const tag = this.byte();
    if (tag < SHORT) return this.longString(tag);
    const length = tag - SHORT;
    const at = this.skip(length);
    const { bytes } = this;
    let hash = length;
    for (let i = at; i < at + length; i++) hash = (hash * 31 + bytes[i]!) | 0;
    const slot = (hash ^ (hash >>> 10)) & (KEYS - 1);
    const known = knownKeys[slot];
    if (known?.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === bytes[at + i]) i++;
      if (i === length) return known;
    }
    // As a property's name it is V8's one copy of it, which is found fastest.
    const key = stringMethods.latin1Slice.call(bytes, at, at + length);
    knownKeys[slot] = Object.keys({ [key]: 0 })[0]!;
    return key;
  }
}

/** Primitives into bytes. */

import {
  ASCII,
  asBigInt64,
  asFloat64,
  BIGINT,
  BIGINT64,
  eight,
  FLOAT64,
  INT32,
  SHORT,
  SHORT_MAX,
  SMALL,
  type StringMethods,
  UCS2,
  UTF8,
} from './format';

const INITIAL = 8192;
/** A larger buffer is not kept. */
const KEPT = 4 * 1024 * 1024;
/** From so many bytes on a message is long: it may be written into memory of the caller's. */
export const LONG = 32 * 1024;
/** Up to here a loop in JavaScript is faster than a call of Node's. */
const BY_HAND = 24;
/** Room that is always enough for a tag and a number. */
const RESERVE = 32;

type Bytes = Buffer & StringMethods;

/** Memory of at least so many bytes for a message to be written into, if there is some. */
export type Room = (size: number) => Buffer | undefined;

const fresh = (size: number): Bytes => Buffer.allocUnsafeSlow(size) as Bytes;

export class Writer {
  private own = fresh(INITIAL);
  bytes = this.own;
  position = 0;
  /** So much of `bytes` is used before there is something to decide. */
  private limit = INITIAL;
  private room: Room | undefined;

  /** @param room Gives memory of the caller's for a long message. */
  start(room: Room | undefined): void {
    this.position = 0;
    this.room = room;
    this.limit = room === undefined ? this.own.length : Math.min(this.own.length, LONG);
  }

  /** After a message: its memory belongs to whoever has the result. */
  stop(): void {
    if (this.own.length > KEPT) this.own = fresh(INITIAL);
    this.bytes = this.own;
    this.room = undefined;
  }

  /** Makes room for so many bytes, and for a tag and a number after them. */
  reserve(size: number): void {
    if (this.position + size + RESERVE > this.limit) this.grow(size);
  }

  private grow(size: number): void {
    const needed = this.position + size + RESERVE;
    const lent = needed > LONG ? this.room?.(needed) : undefined;
    if (lent !== undefined) {
      this.move(lent as Bytes);
    } else if (needed > this.bytes.length) {
      this.own = fresh(Math.max(this.bytes.length * 2, needed));
      this.move(this.own);
    } else {
      this.limit = this.bytes.length;
    }
  }

  private move(larger: Bytes): void {
    larger.set(this.bytes.subarray(0, this.position));
    this.bytes = larger;
    this.limit = larger.length;
  }

  /** One byte; the caller has reserved. */
  byte(value: number): void {
    this.bytes[this.position++] = value;
  }

  tag(tag: number): void {
    this.reserve(0);
    this.byte(tag);
  }

  size(size: number): void {
    this.reserve(0);
    while (size >= 0x80) {
      this.byte((size & 0x7f) | 0x80);
      size = Math.floor(size / 0x80);
    }
    this.byte(size);
  }

  number(value: number): void {
    this.reserve(0);
    const integer = value | 0;
    // -0 is no integer.
    if (integer !== value || (integer === 0 && 1 / value < 0)) {
      this.byte(FLOAT64);
      this.float64(value);
    } else if (integer >= 0 && integer < SHORT - SMALL) {
      this.byte(SMALL | integer);
    } else {
      const { bytes, position } = this;
      bytes[position] = INT32;
      bytes[position + 1] = integer;
      bytes[position + 2] = integer >> 8;
      bytes[position + 3] = integer >> 16;
      bytes[position + 4] = integer >> 24;
      this.position = position + 5;
    }
  }

  float64(value: number): void {
    asFloat64[0] = value;
    this.eightBytes();
  }

  private eightBytes(): void {
    const { bytes, position } = this;
    for (let i = 0; i < 8; i++) bytes[position + i] = eight[i]!;
    this.position = position + 8;
  }

  bigint(value: bigint): void {
    this.reserve(0);
    if (BigInt.asIntN(64, value) === value) {
      this.byte(BIGINT64);
      asBigInt64[0] = value;
      this.eightBytes();
    } else {
      this.byte(BIGINT);
      this.string(value.toString(16));
    }
  }

  string(value: string): void {
    const { length } = value;
    if (length > BY_HAND) {
      this.longString(value);
      return;
    }
    this.reserve(BY_HAND);
    const { bytes, position } = this;
    bytes[position] = SHORT | length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.longString(value);
        return;
      }
      bytes[position + 1 + i] = code;
    }
    this.position = position + 1 + length;
  }

  private longString(value: string): void {
    const size = Buffer.byteLength(value);
    if (size === value.length) {
      if (size <= SHORT_MAX) this.tag(SHORT | size);
      else this.sized(ASCII, size);
      this.reserve(size);
      this.position += this.bytes.latin1Write(value, this.position);
    } else if (isWellFormed(value)) {
      this.sized(UTF8, size);
      this.position += this.bytes.utf8Write(value, this.position);
    } else {
      this.sized(UCS2, value.length * 2);
      this.position += this.bytes.ucs2Write(value, this.position);
    }
  }

  private sized(tag: number, size: number): void {
    this.tag(tag);
    this.size(size);
    this.reserve(size);
  }

  /** A size, padding to a multiple of 8, and the bytes. */
  binary(part: Uint8Array): void {
    this.size(part.length);
    this.reserve(part.length);
    while (this.position % 8 !== 0) this.byte(0);
    this.bytes.set(part, this.position);
    this.position += part.length;
  }
}

function isWellFormed(value: string): boolean {
  return (value as string & { isWellFormed(): boolean }).isWellFormed();
}

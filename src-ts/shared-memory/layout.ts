/**
 * The binary layout of CPython's ShareableList, in the machine's byte order:
 *
 *     int64                    the number of items, N
 *     int64 x (N + 1)          where each item begins, from the first on; at last where the last one ends
 *     8, 16, 24... bytes x N   the items
 *     8 bytes x N              the format of each, as in Python's module struct
 *     1 byte x N               its code: 0 int, float or bool; 1 str; 2 bytes; 3 None
 */

import { endianness } from 'node:os';

import { expected, OverflowError, ValueError } from '../errors';
import type { SharedMemory } from './segment';

export type ShareableListItem = number | bigint | boolean | string | Uint8Array | null;

const WORD = 8;
const little = endianness() === 'LE';

/** How an item is stored. */
interface Format {
  /** As in Python's module struct. */
  readonly text: string;
  /** What it is made to when it is read. */
  readonly code: number;
}

/** An item in bytes: a word, or a string that gets zeros behind it. */
interface Encoded {
  /** Undefined for strings: it depends on the room for them. */
  readonly format: string | undefined;
  readonly code: number;
  readonly bytes: Buffer;
}

const INT = 'q';
const FLOAT = 'd';
const BOOLEAN = 'xxxxxxx?';
const NONE = 'xxxxxx?x';

const VALUE_CODE = 0;
const STRING_CODE = 1;
const BYTES_CODE = 2;
const NONE_CODE = 3;

/** Checks an item. */
export function encode(value: unknown): Encoded {
  switch (typeof value) {
    case 'number':
      // The integer -0 does not exist.
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? encodeInteger(BigInt(value))
        : encodeWord(FLOAT, (view) => view.setFloat64(0, value, little));
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) {
        throw new OverflowError(`${value} does not fit into an int64`);
      }
      return encodeInteger(value);
    case 'boolean':
      return encodeWord(BOOLEAN, (view) => view.setUint8(WORD - 1, Number(value)));
    case 'string':
      return { format: undefined, code: STRING_CODE, bytes: Buffer.from(value) };
    default:
      if (value === null) return { ...encodeWord(NONE, () => {}), code: NONE_CODE };
      if (value instanceof Uint8Array) {
        return { format: undefined, code: BYTES_CODE, bytes: Buffer.from(value) };
      }
      throw new TypeError(
        expected('a number, bigint, boolean, string, Uint8Array or null', 'an item', value),
      );
  }
}

function encodeInteger(value: bigint): Encoded {
  return encodeWord(INT, (view) => view.setBigInt64(0, value, little));
}

function encodeWord(format: string, write: (view: DataView) => void): Encoded {
  const bytes = Buffer.alloc(WORD);
  write(viewOf(bytes));
  return { format, code: VALUE_CODE, bytes };
}

interface Slot {
  readonly start: number;
  readonly end: number;
}

/** Reads an item. */
export function decode(memory: Buffer, { start, end }: Slot, format: Format): ShareableListItem {
  if (format.code === NONE_CODE) return null;
  switch (format.text) {
    case INT: {
      const value = viewOf(memory).getBigInt64(start, little);
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : value;
    }
    case FLOAT:
      return viewOf(memory).getFloat64(start, little);
    case BOOLEAN:
      return memory[start + WORD - 1] !== 0;
    default: {
      const bytes = withoutNuls(memory.subarray(start, end));
      return format.code === STRING_CODE ? bytes.toString() : Buffer.from(bytes);
    }
  }
}

function withoutNuls(bytes: Buffer): Buffer {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length -= 1;
  return bytes.subarray(0, length);
}

/** Where everything is in one list. */
export class Layout {
  readonly length: number;
  /** Of the whole list in bytes. */
  readonly size: number;
  readonly #offsets: readonly number[];
  readonly #data: number;
  readonly #formats: number;
  readonly #codes: number;

  private constructor(offsets: readonly number[]) {
    this.length = offsets.length - 1;
    this.#offsets = offsets;
    this.#data = (this.length + 2) * WORD;
    this.#formats = this.#data + offsets[this.length]!;
    this.#codes = this.#formats + this.length * WORD;
    this.size = this.#codes + this.length;
  }

  static of(items: readonly Encoded[]): Layout {
    const offsets = [0];
    for (const item of items) offsets.push(offsets.at(-1)! + roomFor(item));
    return new Layout(offsets);
  }

  /** The layout of a list that is there. */
  static read(segment: SharedMemory): Layout {
    const view = viewOf(segment.buf!);
    const wordAt = (index: number): number => Number(view.getBigInt64(index * WORD, little));
    const words = Math.floor(segment.size / WORD);
    const length = words < 2 ? -1 : wordAt(0);
    if (length < 0 || length + 2 > words) throw notAList(segment);
    const layout = new Layout(Array.from({ length: length + 1 }, (_, index) => wordAt(1 + index)));
    if (!layout.#isSound() || layout.size > segment.size) throw notAList(segment);
    return layout;
  }

  #isSound(): boolean {
    const gaps = this.#offsets.slice(1).map((offset, index) => offset - this.#offsets[index]!);
    return this.#offsets[0] === 0 && gaps.every((gap) => gap >= WORD);
  }

  /** Fills a new list. */
  write(memory: Buffer, items: readonly Encoded[]): void {
    const view = viewOf(memory);
    [this.length, ...this.#offsets].forEach((word, index) => {
      view.setBigInt64(index * WORD, BigInt(word), little);
    });
    items.forEach((item, position) => this.replace(memory, position, item));
  }

  slot(position: number): Slot {
    const start = this.#data + this.#offsets[position]!;
    return { start, end: this.#data + this.#offsets[position + 1]! };
  }

  formatAt(memory: Buffer, position: number): Format {
    const at = this.#formats + position * WORD;
    const text = withoutNuls(memory.subarray(at, at + WORD)).toString('latin1');
    return { text, code: memory[this.#codes + position]! };
  }

  /** @throws ValueError if the item is too long; nothing has changed then. */
  replace(memory: Buffer, position: number, { format, code, bytes }: Encoded): void {
    const { start, end } = this.slot(position);
    if (bytes.length > end - start) {
      throw new ValueError('bytes/str item exceeds available storage');
    }
    const at = this.#formats + position * WORD;
    memory.fill(0, at, at + WORD);
    memory.write(format ?? `${end - start}s`, at, 'latin1');
    memory[this.#codes + position] = code;
    // A number in a long slot leaves the rest as it was, as in Python.
    if (format === undefined) memory.fill(0, start + bytes.length, end);
    memory.set(bytes, start);
  }
}

/** There is room for one byte more than the first item has. */
function roomFor({ format, bytes }: Encoded): number {
  return format === undefined ? WORD * (Math.floor(bytes.length / WORD) + 1) : WORD;
}

function notAList({ name }: SharedMemory): ValueError {
  return new ValueError(`'${name}' is no ShareableList`);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

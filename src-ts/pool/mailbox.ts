/**
 * Memory in which one process leaves long payloads for another one, which reads them in the same
 * order and counts those that it has read.
 */

/** A payload lies on its own cache lines. */
const ALIGNMENT = 64;

interface Piece {
  readonly start: number;
  readonly stop: number;
}

/** The writer's side. */
export class Outbox {
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  readonly #readCount: number;
  /** What was left there and not read yet. */
  #unread: Piece[] = [];
  /** How many are known to have been read. */
  #known = 0;
  #lastLength = 0;
  #lent: { start: number; bytes: Uint8Array } | null = null;

  /** @param readCount The index of the word that counts what was read. */
  constructor(bytes: Buffer, words: Int32Array, readCount: number) {
    this.#bytes = bytes;
    this.#words = words;
    this.#readCount = readCount;
  }

  /** Lends free memory of so many bytes, if there is some. */
  readonly borrow = (size: number): Buffer | undefined => {
    const { start, stop } = this.#free(Math.max(size, this.#lastLength));
    if (stop - start < size) return undefined;
    const bytes = this.#bytes.subarray(start, stop);
    this.#lent = { start, bytes };
    return bytes;
  };

  /** Leaves the first bytes there, if they are what was borrowed; returns where, or -1. */
  keep(bytes: Uint8Array, length: number): number {
    if (this.#lent?.bytes !== bytes) return -1;
    const { start } = this.#lent;
    this.#lent = null;
    return this.#leave(start, length);
  }

  /** What was left at a place. */
  left(start: number, length: number): Uint8Array {
    return this.#bytes.subarray(start, start + length);
  }

  giveBack(): void {
    this.#lent = null;
  }

  /** Leaves a copy there; returns where, or -1 if there is no room. */
  copy(payload: Uint8Array, length: number): number {
    const { start, stop } = this.#free(length);
    if (stop - start < length) return -1;
    this.#bytes.set(payload.subarray(0, length), start);
    return this.#leave(start, length);
  }

  #leave(start: number, length: number): number {
    const stop = Math.ceil((start + length) / ALIGNMENT) * ALIGNMENT;
    this.#unread.push({ start, stop: Math.min(stop, this.#bytes.length) });
    this.#lastLength = length;
    return start;
  }

  /** The first free piece of so many bytes, since its memory was used last; or the largest one. */
  #free(length: number): Piece {
    this.#forgetRead();
    const taken = this.#unread.toSorted((a, b) => a.start - b.start);
    taken.push({ start: this.#bytes.length, stop: Infinity });
    let largest: Piece = { start: 0, stop: 0 };
    let start = 0;
    for (const next of taken) {
      const free = { start, stop: next.start };
      if (free.stop - free.start >= length) return free;
      if (free.stop - free.start > largest.stop - largest.start) largest = free;
      start = next.stop;
    }
    return largest;
  }

  #forgetRead(): void {
    const read = Atomics.load(this.#words, this.#readCount);
    const count = (read - this.#known) | 0;
    if (count === 0) return;
    this.#unread.splice(0, count);
    this.#known = read;
  }
}

/** The reader's side. */
export class Inbox {
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  readonly #readCount: number;

  constructor(bytes: Buffer, words: Int32Array, readCount: number) {
    this.#bytes = bytes;
    this.#words = words;
    this.#readCount = readCount;
  }

  /** Calls with the next payload, which is there until the call returns. */
  open(start: number, length: number, read: (payload: Uint8Array) => void): void {
    try {
      read(this.#bytes.subarray(start, start + length));
    } finally {
      Atomics.add(this.#words, this.#readCount, 1);
    }
  }
}

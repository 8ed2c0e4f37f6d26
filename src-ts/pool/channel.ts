/**
 * The private way between a pool and one of its workers: a socket pair for frames, and shared memory
 * for long payloads. A frame is a header and a payload; the header is four numbers of 32 bits: the
 * length of the payload, two of the sender's choice, and where the payload is: 0 for behind the header,
 * or one more than its place in the mailbox.
 */

import { registerAtFork } from '../at-fork';
import { BrokenPipeError } from '../errors';
import { Mapping } from '../mapping';
import { type Encoded, LONG, type Room } from '../message';
import { posix } from '../native';
import { Inbox, Outbox } from './mailbox';

const HEADER = 16;
const IN_FRAME = 0;

/** Long payloads go by a mailbox, if there is room. */
const MAILBOX = 16 * 1024 * 1024;

const FIRST_INPUT = 64 * 1024;

/**
 * The words of a channel's control memory. The first one is the number of tasks that the worker has
 * begun; with the sign bit set it begins no other, until it comes to the frame that says so.
 */
export const STARTED = 0;
export const RECALLED = -0x80000000;
/** How many payloads were read from the mailboxes; each on a cache line of its own. */
const READ_BY_WORKER = 16;
const READ_BY_PARENT = 32;
const CONTROL_SIZE = 4096;

/** Calls for each frame: its two numbers and its payload, which is valid during the call only. */
export type OnFrame = (first: number, second: number, payload: Uint8Array) => void;

/** The ends that this process uses: no child may keep them, or the other side would see no end. */
const ownEnds = new Set<End>();

/** In a worker: its end is its own, not its children's. */
export function own(end: End): void {
  ownEnds.add(end);
}

/** One end of a channel. */
export class End {
  readonly fd: number;
  readonly words: Int32Array;
  readonly #memory: Mapping;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  #input = Buffer.allocUnsafeSlow(FIRST_INPUT);
  #inputStart = 0;
  #inputEnd = 0;
  #output = Buffer.allocUnsafeSlow(FIRST_INPUT);
  #outputStart = 0;
  #outputEnd = 0;
  #closed = false;

  constructor(fd: number, memory: Mapping, side: 'parent' | 'worker') {
    const mailbox = (index: number): Buffer =>
      Buffer.from(memory.buffer, CONTROL_SIZE + index * MAILBOX, MAILBOX);
    const [mine, theirs] = side === 'parent' ? [0, 1] : [1, 0];
    const read = [READ_BY_WORKER, READ_BY_PARENT] as const;
    this.fd = fd;
    this.words = new Int32Array(memory.buffer, 0, CONTROL_SIZE / 4);
    this.#memory = memory;
    this.#outbox = new Outbox(mailbox(mine), this.words, read[mine]!);
    this.#inbox = new Inbox(mailbox(theirs), this.words, read[theirs]!);
  }

  /**
   * Adds a frame to what is to be written; `encode` makes its payload, into the room it may ask for.
   * @returns The place of the payload in the mailbox, or -1: it is in the frame.
   */
  add(first: number, second: number, encode: (room: Room) => Encoded): number {
    try {
      const { buffer, length } = encode(this.#outbox.borrow);
      let place = this.#outbox.keep(buffer, length);
      if (place < 0 && length >= LONG) place = this.#outbox.copy(buffer, length);
      const inFrame = place < 0;
      this.#header(length, first, second, place + 1, inFrame ? length : 0);
      if (inFrame) this.#payload(buffer, length);
      return place;
    } finally {
      this.#outbox.giveBack();
    }
  }

  /** A payload that was left in the mailbox; it is there at least until the other side has begun it. */
  left(place: number, length: number): Uint8Array {
    return this.#outbox.left(place, length);
  }

  /** Adds a frame without a payload. */
  addEmpty(first: number, second: number): void {
    this.#header(0, first, second, IN_FRAME, 0);
  }

  /** @param room For so many bytes behind it. */
  #header(length: number, first: number, second: number, place: number, room: number): void {
    this.#reserve(HEADER + room);
    const output = this.#output;
    let at = this.#outputEnd;
    at = output.writeUInt32LE(length, at);
    at = output.writeUInt32LE(first >>> 0, at);
    at = output.writeUInt32LE(second >>> 0, at);
    this.#outputEnd = output.writeUInt32LE(place, at);
  }

  #payload(bytes: Uint8Array, length: number): void {
    this.#output.set(bytes.subarray(0, length), this.#outputEnd);
    this.#outputEnd += length;
  }

  /** How many bytes are still to be written. */
  get unwritten(): number {
    return this.#outputEnd - this.#outputStart;
  }

  /** Writes what can be written without waiting. False when nobody reads any more. */
  write(): boolean {
    if (this.#closed) return true;
    while (this.unwritten > 0) {
      const n = posix.trySend(this.fd, this.#output, this.#outputStart, this.unwritten);
      if (n === -2) return false;
      if (n === -1) return true;
      this.#outputStart += n;
    }
    this.#outputStart = 0;
    this.#outputEnd = 0;
    return true;
  }

  /** Writes everything, blocking. False when nobody reads any more. */
  writeAll(): boolean {
    try {
      posix.writeAll(this.fd, this.#output.subarray(this.#outputStart, this.#outputEnd));
    } catch (error) {
      if (error instanceof BrokenPipeError) return false;
      throw error;
    }
    this.#outputStart = 0;
    this.#outputEnd = 0;
    return true;
  }

  /** Reads what is there. False at the end. */
  read(onFrame: OnFrame): boolean {
    for (;;) {
      this.#makeRoom();
      const room = this.#input.length - this.#inputEnd;
      const n = tryRead(this.fd, this.#input, this.#inputEnd, room);
      if (n === 0) return false;
      if (n < 0) return true;
      this.#inputEnd += n;
      this.deliver(onFrame);
      if (n < room) return true;
    }
  }

  /** Blocks until something is there. False at the end. */
  fill(): boolean {
    this.#makeRoom();
    const n = posix.read(this.fd, this.#input.subarray(this.#inputEnd));
    this.#inputEnd += n;
    return n > 0;
  }

  /** Hands over the frames that are complete. */
  deliver(onFrame: OnFrame): void {
    while (this.next(onFrame));
  }

  /** Hands over one frame; false if none is complete. */
  next(onFrame: OnFrame): boolean {
    const input = this.#input;
    const start = this.#inputStart;
    if (this.#inputEnd - start < HEADER) return false;
    const length = input.readUInt32LE(start);
    const place = input.readUInt32LE(start + 12);
    const end = start + HEADER + (place === IN_FRAME ? length : 0);
    if (end > this.#inputEnd) return false;
    this.#inputStart = end;
    const first = input.readUInt32LE(start + 4);
    const second = input.readUInt32LE(start + 8);
    if (place === IN_FRAME) onFrame(first, second, input.subarray(start + HEADER, end));
    else this.#inbox.open(place - 1, length, (payload) => onFrame(first, second, payload));
    return true;
  }

  /** Whether a complete frame waits. */
  get hasNext(): boolean {
    return this.#inputEnd - this.#inputStart >= HEADER;
  }

  /** In a child: the end is its parent's. The memory is as well, if it is not this. */
  leave(kept: Mapping | null): void {
    this.#closed = true;
    posix.close(this.fd);
    if (this.#memory !== kept) this.#memory.unmap();
  }

  close(): void {
    ownEnds.delete(this);
    this.leave(null);
  }

  #reserve(size: number): void {
    const needed = this.#outputEnd + size;
    if (needed <= this.#output.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#output.length, needed));
    this.#outputEnd = this.#output.copy(grown, 0, this.#outputStart, this.#outputEnd);
    this.#outputStart = 0;
    this.#output = grown;
  }

  /** Room for more input: at least for the rest of a frame that has begun. */
  #makeRoom(): void {
    const input = this.#input;
    const used = this.#inputEnd - this.#inputStart;
    if (used === 0) {
      this.#inputStart = 0;
      this.#inputEnd = 0;
      return;
    }
    const wanted = HEADER + (used >= HEADER ? input.readUInt32LE(this.#inputStart) : 0);
    if (this.#inputStart + wanted < input.length && this.#inputEnd < input.length) return;
    const size = Math.max(wanted, FIRST_INPUT);
    const target = size > input.length ? Buffer.allocUnsafeSlow(size) : input;
    input.copy(target, 0, this.#inputStart, this.#inputEnd);
    this.#input = target;
    this.#inputStart = 0;
    this.#inputEnd = used;
  }
}

/** A peer that ends with something unread makes it ECONNRESET instead of an end. */
function tryRead(fd: number, bytes: Uint8Array, offset: number, length: number): number {
  try {
    return posix.tryRead(fd, true, bytes, offset, length, undefined);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ECONNRESET') return 0;
    throw error;
  }
}

/** The channel of the worker that is being forked. */
let newest: Mapping | null = null;

/**
 * Makes a channel to a worker.
 * @param start Forks the worker, which gets this end.
 * @returns The parent's end.
 */
export function makeChannel(start: (workerEnd: End) => void): End {
  const memory = Mapping.anonymous(CONTROL_SIZE + 2 * MAILBOX);
  const [mine, theirs] = posix.socketpair();
  const parentEnd = new End(mine, memory, 'parent');
  own(parentEnd);
  newest = memory;
  try {
    start(new End(theirs, memory, 'worker'));
  } catch (error) {
    parentEnd.close();
    throw error;
  } finally {
    newest = null;
    posix.close(theirs);
  }
  return parentEnd;
}

registerAtFork({
  // What it kept of other channels would be in use for as long as it lives.
  child() {
    for (const end of ownEnds) end.leave(newest);
    ownEnds.clear();
    newest = null;
  },
});

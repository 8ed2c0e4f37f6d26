/**
 * The private way between a pool and one of its workers: a socket pair for frames, and shared memory
 * for what is large. A frame is a header and a payload; the header is four numbers of 32 bits: the
 * length of the payload, two of the sender's choice, and where the payload is.
 */

import { registerAtFork } from '../at-fork';
import { Mapping } from '../mapping';
import { posix } from '../native';

const HEADER = 16;
const IN_FRAME = 0;
const IN_MAILBOX = 1;

/** From so many bytes on a payload goes by shared memory, up to the size of a mailbox. */
const LARGE = 32 * 1024;
const MAILBOX = 16 * 1024 * 1024;

const FIRST_INPUT = 64 * 1024;

/** One payload at a time, in memory that parent and worker share. */
interface Mailbox {
  readonly bytes: Buffer;
  /** The index of the word that is 1 while it is in use. */
  readonly busy: number;
}

/**
 * The words of a channel's control memory. The first one is the number of tasks that the worker has
 * begun; with the sign bit set it begins no other, until it comes to the frame that says so.
 */
export const STARTED = 0;
export const RECALLED = -0x80000000;
const TO_WORKER_BUSY = 1;
const TO_PARENT_BUSY = 2;
const CONTROL_SIZE = 4096;

/** What both ends share. */
class Shared {
  readonly words: Int32Array;
  readonly toWorker: Mailbox;
  readonly toParent: Mailbox;
  readonly #mapping: Mapping;

  constructor() {
    this.#mapping = Mapping.anonymous(CONTROL_SIZE + 2 * MAILBOX);
    const { buffer } = this.#mapping;
    const mailbox = (index: number, busy: number): Mailbox => ({
      bytes: Buffer.from(buffer, CONTROL_SIZE + index * MAILBOX, MAILBOX),
      busy,
    });
    this.words = new Int32Array(buffer, 0, CONTROL_SIZE / 4);
    this.toWorker = mailbox(0, TO_WORKER_BUSY);
    this.toParent = mailbox(1, TO_PARENT_BUSY);
  }

  unmap(): void {
    this.#mapping.unmap();
  }
}

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
  readonly #shared: Shared;
  readonly #outbox: Mailbox;
  readonly #inbox: Mailbox;
  #input = Buffer.allocUnsafeSlow(FIRST_INPUT);
  #inputStart = 0;
  #inputEnd = 0;
  #output = Buffer.allocUnsafeSlow(FIRST_INPUT);
  #outputStart = 0;
  #outputEnd = 0;

  constructor(fd: number, shared: Shared, outbox: Mailbox, inbox: Mailbox) {
    this.fd = fd;
    this.words = shared.words;
    this.#shared = shared;
    this.#outbox = outbox;
    this.#inbox = inbox;
  }

  /** Adds a frame to what is to be written. */
  add(first: number, second: number, payload: Uint8Array, length: number): void {
    const byMail = length >= LARGE && this.#mail(payload, length);
    const inFrame = byMail ? 0 : length;
    this.#reserve(HEADER + inFrame);
    const output = this.#output;
    let at = this.#outputEnd;
    at = output.writeUInt32LE(length, at);
    at = output.writeUInt32LE(first >>> 0, at);
    at = output.writeUInt32LE(second >>> 0, at);
    at = output.writeUInt32LE(byMail ? IN_MAILBOX : IN_FRAME, at);
    if (inFrame > 0) output.set(payload.subarray(0, length), at);
    this.#outputEnd = at + inFrame;
  }

  /** How many bytes are still to be written. */
  get unwritten(): number {
    return this.#outputEnd - this.#outputStart;
  }

  /** Writes what can be written without waiting. False when nobody reads any more. */
  write(): boolean {
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

  /** Writes everything, blocking. */
  writeAll(): void {
    posix.writeAll(this.fd, this.#output.subarray(this.#outputStart, this.#outputEnd));
    this.#outputStart = 0;
    this.#outputEnd = 0;
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
    else this.#open(onFrame, first, second, length);
    return true;
  }

  /** Whether a complete frame waits. */
  get hasNext(): boolean {
    return this.#inputEnd - this.#inputStart >= HEADER;
  }

  close(): void {
    ownEnds.delete(this);
    posix.close(this.fd);
    this.#shared.unmap();
  }

  /** Puts a payload into the mailbox, if it is free and large enough. */
  #mail(payload: Uint8Array, length: number): boolean {
    const { bytes, busy } = this.#outbox;
    if (length > bytes.length || Atomics.load(this.words, busy) !== 0) return false;
    bytes.set(payload.subarray(0, length));
    Atomics.store(this.words, busy, 1);
    return true;
  }

  #open(onFrame: OnFrame, first: number, second: number, length: number): void {
    const { bytes, busy } = this.#inbox;
    try {
      onFrame(first, second, bytes.subarray(0, length));
    } finally {
      Atomics.store(this.words, busy, 0);
    }
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

/** The two ends; each is used by one process, and closed by the other. */
export function makeChannel(): { parentEnd: End; workerEnd: End } {
  const shared = new Shared();
  const [mine, theirs] = posix.socketpair();
  const parentEnd = new End(mine, shared, shared.toWorker, shared.toParent);
  const workerEnd = new End(theirs, shared, shared.toParent, shared.toWorker);
  own(parentEnd);
  return { parentEnd, workerEnd };
}

registerAtFork({
  child() {
    for (const { fd } of ownEnds) posix.close(fd);
    ownEnds.clear();
  },
});

/**
 * Frames as they are read: the length as a big-endian int32 and so many bytes; for longer ones -1,
 * the length as a uint64, the bytes.
 */

import { constants } from 'node:buffer';

import { EOFError } from '../errors';
import { posix } from '../native';
import { badMessageLength, endWithinMessage, outOfMemory } from './errors';
import { closeAll, newReceived, raiseLost, someWereLost, takeReceived } from './received';

export interface Message {
  bytes: Uint8Array;
  descriptors: number[] | undefined;
}

/** What the addon returns instead of a length. */
const END = -1;
const TRUNCATED = -2;

const SHORT = 4;
const LONG = 12;
const LONGEST_SHORT = 0x7fffffff;

/** The bytes of a frame on its way. */
export function frameSize(length: number): number {
  return length + (length > LONGEST_SHORT ? LONG : SHORT);
}

/**
 * Memory for a message, of which nobody knows yet whether it really comes: the kernel provides
 * pages as they are written to, so that a length that lies costs addresses only.
 * @throws OSError if there cannot be so much.
 */
export function allocate(length: number): Buffer {
  if (!(length >= 0 && length <= constants.MAX_LENGTH)) throw badMessageLength();
  try {
    return Buffer.allocUnsafeSlow(length);
  } catch {
    throw outOfMemory(length);
  }
}

/** Checks what recvFrame() returned. */
export function checkLength(length: number, limit: number): void {
  if (length === END) throw new EOFError();
  if (length === TRUNCATED) throw endWithinMessage();
  if (!(length >= 0 && length <= limit)) throw badMessageLength();
}

/** Reads a payload after its header, blocking. */
export function readPayload(fd: number, length: number): Buffer {
  const payload = allocate(length);
  if (posix.readAll(fd, payload, 0, length) < length) throw endWithinMessage();
  return payload;
}

/** One message that is read in pieces, as they come. */
export class FrameReader {
  readonly #header = Buffer.alloc(LONG);
  #headerLength = SHORT;
  #read = 0;
  #payload: Buffer | undefined;
  #received: Int32Array | undefined;

  /**
   * Reads what is there, but no byte of the next message.
   * @returns undefined if something is still missing.
   * @throws EOFError, OSError. Nothing can be read any more then.
   */
  advance(fd: number, socket: boolean, limit: number): Message | undefined {
    try {
      if (!this.#readHeader(fd, socket, limit) || !this.#readPayload(fd, socket)) return undefined;
    } catch (error) {
      this.discard();
      throw error;
    }
    const descriptors = this.#takeDescriptors();
    if (this.#received !== undefined && someWereLost(this.#received)) {
      closeAll(descriptors);
      raiseLost();
    }
    return { bytes: this.#payload!, descriptors };
  }

  /** Closes what has come. */
  discard(): void {
    closeAll(this.#takeDescriptors());
  }

  #takeDescriptors(): number[] | undefined {
    return this.#received === undefined ? undefined : takeReceived(this.#received);
  }

  #readHeader(fd: number, socket: boolean, limit: number): boolean {
    if (this.#payload !== undefined) return true;
    if (socket) this.#received ??= newReceived();
    const header = this.#header;
    while (this.#read < this.#headerLength) {
      const missing = this.#headerLength - this.#read;
      const n = posix.tryRead(fd, socket, header, this.#read, missing, this.#received);
      if (n < 0) return false;
      if (n === 0) throw this.#read === 0 ? new EOFError() : endWithinMessage();
      this.#read += n;
      if (this.#read === SHORT && header.readInt32BE() === -1) this.#headerLength = LONG;
    }
    const length =
      this.#headerLength === SHORT ? header.readInt32BE() : Number(header.readBigUInt64BE(SHORT));
    checkLength(length < 0 ? NaN : length, limit);
    this.#payload = allocate(length);
    this.#read = 0;
    return true;
  }

  #readPayload(fd: number, socket: boolean): boolean {
    const payload = this.#payload!;
    while (this.#read < payload.length) {
      const missing = payload.length - this.#read;
      const n = posix.tryRead(fd, socket, payload, this.#read, missing, undefined);
      if (n < 0) return false;
      if (n === 0) throw endWithinMessage();
      this.#read += n;
    }
    return true;
  }
}

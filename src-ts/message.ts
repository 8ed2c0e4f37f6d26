/** Objects as messages of connections and queues, with the descriptors that belong to them. */

import { deposit, withdraw } from './descriptor-store';
import { FileNotFoundError } from './errors';
import { posix } from './native';
import { deserialize, type Encoded, type Room, serialize } from './serialization';

export { type Encoded, LONG, type Room } from './serialization';

/** The first byte of a message whose descriptors wait in the store; serializations begin with 1. */
const DEPOSITED = 0xfd;
const KEY_LENGTH = 16;
const PREFIX_LENGTH = 1 + KEY_LENGTH;
const none: readonly number[] = [];

/**
 * @param inline Whether the way that the message will go carries descriptors; where it does not,
 * they are deposited.
 * @param room Where the message may be written when it is long; it is, if that is the buffer of the
 * result.
 * @returns Valid until the next call.
 */
export function pack(value: unknown, inline: boolean, room?: Room): Encoded {
  const encoded = serialize(value, room);
  if (inline || encoded.descriptors.length === 0) return encoded;
  const length = PREFIX_LENGTH + encoded.length;
  const buffer = Buffer.allocUnsafe(length);
  buffer[0] = DEPOSITED;
  buffer.set(deposit(encoded.descriptors), 1);
  buffer.set(encoded.buffer.subarray(0, encoded.length), PREFIX_LENGTH);
  return { buffer, length, descriptors: none };
}

/**
 * The object of a message. The descriptors become its own; those that it does not take are closed.
 * @param owned Whether the object may keep the bytes.
 * @param length So many of the bytes are the message.
 */
export function unpack(
  bytes: Uint8Array,
  descriptors: readonly number[] | undefined,
  owned: boolean,
  length = bytes.length,
): unknown {
  if (bytes[0] !== DEPOSITED) return deserialize(bytes, descriptors, owned, length);
  const fds = withdraw(bytes.subarray(1, PREFIX_LENGTH));
  return deserialize(
    bytes.subarray(PREFIX_LENGTH, length),
    [...fds, ...(descriptors ?? none)],
    owned,
  );
}

/** Whether descriptors of the message wait in the store. */
export function isDeposited({ buffer }: Encoded): boolean {
  return buffer[0] === DEPOSITED;
}

/** Closes what waits in the store for a message, unless somebody has unpacked it. */
export function discard({ buffer }: Encoded): void {
  try {
    for (const fd of withdraw(buffer.subarray(1, PREFIX_LENGTH))) posix.close(fd);
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) throw error;
  }
}

/**
 * Descriptors on their way from one process of a program to another, kept by the resource tracker: the
 * sender may end before the receiver comes.
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';

import { checkedInteger } from './arguments';
import { expected, osError, ValueError } from './errors';
import { posix } from './native';
import { request, requestExisting } from './resource-tracker';

const KEY_LENGTH = 16;

/**
 * Leaves copies of the descriptors with the resource tracker; the caller's stay his own.
 * @returns The key by which any process of this program can withdraw them, once.
 * @throws ValueError for more than 253; OSError EBADF, EMFILE; TimeoutError.
 */
export function deposit(fds: readonly number[]): Buffer {
  if (fds.length > posix.mostDescriptors) {
    throw new ValueError(`${fds.length} descriptors are more than ${posix.mostDescriptors}`);
  }
  for (const fd of fds) checkedInteger('fd', fd);
  const key = randomBytes(KEY_LENGTH);
  const { number } = request('d', key, fds);
  if (number !== 0) posix.raise(number, 'sendmsg');
  return key;
}

/**
 * Takes what somebody deposited.
 * @returns New descriptors, close-on-exec.
 * @throws FileNotFoundError if they were taken already, or their program has ended; TimeoutError.
 */
export function withdraw(key: Uint8Array): number[] {
  if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) {
    throw new TypeError(expected(`${KEY_LENGTH} bytes`, 'key', key));
  }
  const { ENOENT } = constants.errno;
  const reply = requestExisting('w', key) ?? { number: ENOENT, descriptors: [] };
  if (reply.number === ENOENT) {
    const text = 'the descriptors were taken already or the program that sent them has ended';
    throw osError({ errno: ENOENT, text, syscall: 'recvmsg' });
  }
  if (reply.number !== 0) posix.raise(reply.number, 'recvmsg');
  return reply.descriptors;
}

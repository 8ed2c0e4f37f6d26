/** Descriptors that come with messages. */

import { constants } from 'node:os';

import { posix } from '../native';

/** Where the addon puts them: their number, whether some were lost, and they. */
export function newReceived(): Int32Array {
  return new Int32Array(2 + posix.mostDescriptors);
}

/** Takes them out; undefined if there are none, which is nearly always. */
export function takeReceived(received: Int32Array): number[] | undefined {
  const count = received[0]!;
  if (count === 0) return undefined;
  received[0] = 0;
  return [...received.subarray(2, 2 + count)];
}

/** Whether this process had no room for all that came. */
export function someWereLost(received: Int32Array): boolean {
  return received[1] !== 0;
}

/** Throws the error for it. */
export function raiseLost(): never {
  return posix.raise(constants.errno.EMFILE, 'recvmsg');
}

export function closeAll(descriptors: readonly number[] | undefined): void {
  for (const fd of descriptors ?? []) posix.close(fd);
}

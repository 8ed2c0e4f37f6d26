/** Descriptors sent by themselves: send_handle() and recv_handle() of CPython's reduction.py. */

import { checkedInteger } from '../arguments';
import { AssertionError, EOFError, RuntimeError } from '../errors';
import { posix } from '../native';
import { closeAll, newReceived, raiseLost, someWereLost, takeReceived } from './received';

interface HasDescriptor {
  fileno(): number;
}

/** macOS may lose a descriptor whose sender closes it too early. */
const acknowledges = process.platform === 'darwin';
const ACKNOWLEDGEMENT = 0x41;

/**
 * Sends a descriptor over a duplex connection: the receiver gets one of its own of the same open
 * file. Understood by Python's recv_handle().
 * @param _pid The receiver's pid, which only Windows needs.
 * @throws OSError ENOTSOCK on a pipe that is not duplex, EBADF
 * @throws RuntimeError if it is not acknowledged (macOS only).
 */
export function sendHandle(connection: HasDescriptor, handle: number, _pid?: number): void {
  const socket = connection.fileno();
  posix.sendmsg(socket, Buffer.of(1), 1, [checkedInteger('handle', handle)]);
  if (!acknowledges) return;
  const answer = Buffer.alloc(1);
  if (posix.readAll(socket, answer, 0, 1) < 1 || answer[0] !== ACKNOWLEDGEMENT) {
    throw new RuntimeError('did not receive acknowledgement of fd');
  }
}

/**
 * Receives a descriptor from sendHandle(), or Python's send_handle(). It is the caller's to close.
 * @throws EOFError when the other end is closed.
 * @throws RuntimeError if what comes is not one descriptor.
 */
export function recvHandle(connection: HasDescriptor): number {
  const socket = connection.fileno();
  const byte = Buffer.alloc(1);
  const received = newReceived();
  const length = posix.recvmsg(socket, byte, 1, received);
  const descriptors = takeReceived(received) ?? [];
  try {
    if (someWereLost(received)) raiseLost();
    if (length === 0) throw new EOFError();
    if (acknowledges) posix.sendmsg(socket, Buffer.of(ACKNOWLEDGEMENT), 1, []);
    return onlyOne(descriptors, byte[0]!);
  } catch (error) {
    closeAll(descriptors);
    throw error;
  }
}

function onlyOne(descriptors: readonly number[], announced: number): number {
  const [first, ...more] = descriptors;
  if (first === undefined) throw new RuntimeError('received 0 items of ancdata');
  if (descriptors.length !== announced) {
    throw new AssertionError(`Len is ${descriptors.length} but msg[0] is ${announced}`);
  }
  if (more.length > 0) throw new RuntimeError('Invalid data received');
  return first;
}

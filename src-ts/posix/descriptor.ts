/** Descriptors: pipes and socket pairs, copies, reading, writing, waiting until one is ready. */

import { types } from 'node:util';

import { checkedBoolean } from '../arguments';
import { expected, ValueError } from '../errors';
import { posix } from '../native';
import { checkedBytes, checkedInt, checkedSeconds, checkedSize } from './arguments';

/**
 * pipe2(2): a pipe.
 * @param flags O_CLOEXEC, O_NONBLOCK, O_DIRECT.
 * @throws OSError EINVAL for other flags, EMFILE.
 * @see https://man7.org/linux/man-pages/man2/pipe.2.html
 */
export function pipe(flags = posix.O_CLOEXEC): [readEnd: number, writeEnd: number] {
  return posix.pipe(checkedInt('flags', flags));
}

/**
 * socketpair(2): two connected sockets, both of which read and write. Close-on-exec.
 * @param type SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET.
 * @throws OSError EAFNOSUPPORT, ENOTSUP, EPROTONOSUPPORT, EMFILE.
 * @see https://man7.org/linux/man-pages/man2/socketpair.2.html
 */
export function socketpair(
  domain = posix.AF_UNIX,
  type = posix.SOCK_STREAM,
  protocol = 0,
): [number, number] {
  return posix.socketpair(
    checkedInt('domain', domain),
    checkedInt('type', type),
    checkedInt('protocol', protocol),
  );
}

/**
 * close(2). The number is free for another descriptor then: never close one twice.
 * @throws OSError EBADF.
 * @see https://man7.org/linux/man-pages/man2/close.2.html
 */
export function close(fd: number): void {
  posix.close(checkedInt('fd', fd));
}

/**
 * Reads what is there, after waiting for the first byte.
 * @param target A Uint8Array to fill, or a number of bytes.
 * @returns How many bytes were read, 0 at the end; for a number a Buffer with them, empty at the end.
 * @throws BlockingIOError when nothing is there and the descriptor is O_NONBLOCK; OSError EBADF.
 * @see https://man7.org/linux/man-pages/man2/read.2.html
 */
export function read(fd: number, target: Uint8Array): number;
export function read(fd: number, target: number): Buffer;
export function read(fd: number, target: Uint8Array | number): number | Buffer {
  const from = checkedInt('fd', fd);
  if (types.isUint8Array(target)) return posix.read(from, target);
  if (typeof target !== 'number') {
    throw new TypeError(expected('a Uint8Array or a number of bytes', 'target', target));
  }
  const buffer = Buffer.allocUnsafe(checkedSize('target', target));
  return buffer.subarray(0, posix.read(from, buffer));
}

/**
 * Writes, after waiting for room.
 * @param data A string is written in UTF-8.
 * @returns How many bytes were written: with O_NONBLOCK, or after a signal, perhaps not all.
 * @throws BlockingIOError when there is no room and the descriptor is O_NONBLOCK; BrokenPipeError
 * when nobody can read it; OSError EBADF.
 * @see https://man7.org/linux/man-pages/man2/write.2.html
 */
export function write(fd: number, data: string | NodeJS.ArrayBufferView): number {
  return posix.write(checkedInt('fd', fd), checkedBytes('data', data));
}

/** What poll() waits for. */
export interface PollRequest {
  /** A negative one is passed over. */
  fd: number;
  /** POLLIN, POLLOUT, POLLPRI, or'ed. */
  events: number;
}

/** What poll() found. */
export interface PollResult {
  fd: number;
  /** Of the events those that are here, and POLLERR, POLLHUP, POLLNVAL. */
  revents: number;
}

/**
 * Waits until one of the descriptors is ready.
 * @param timeout Seconds; null for ever. Negative ones count as 0, unlike in C.
 * @returns Those that are ready, in the order given; none when the time is over.
 * @see https://man7.org/linux/man-pages/man2/poll.2.html
 */
export function poll(
  requests: readonly PollRequest[],
  timeout: number | null = null,
): PollResult[] {
  checkArray('requests', requests);
  const pairs = Int32Array.from(requests.flatMap(checkedRequest));
  const seconds = checkedSeconds(timeout);
  if (posix.poll(pairs, seconds) === 0) return [];
  const results = requests.map(({ fd }, i) => ({ fd, revents: pairs[2 * i + 1]! }));
  return results.filter(({ revents }) => revents !== 0);
}

function checkArray(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError(expected('an array', name, value));
}

function checkedRequest(request: PollRequest, index: number): [number, number] {
  const name = `requests[${index}]`;
  if (typeof request !== 'object' || (request as unknown) === null) {
    throw new TypeError(expected('an object { fd, events }', name, request));
  }
  const events = checkedInt(`${name}.events`, request.events);
  if (events < 0 || events > 0x7fff) throw new ValueError(`unknown bits in ${name}.events`);
  return [checkedInt(`${name}.fd`, request.fd), events];
}

/**
 * A copy of a descriptor, close-on-exec as in Python (PEP 446).
 * @throws OSError EBADF, EMFILE.
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 */
export function dup(fd: number): number {
  return posix.dup(checkedInt('fd', fd));
}

/**
 * Makes `to` a copy of `from`; what `to` was before is closed.
 * @param cloexec Whether the copy is closed in programs that are started. As in C and Python not.
 * @returns `to`.
 * @throws OSError EBADF; EINVAL when both are the same and `cloexec` is true.
 * @see https://man7.org/linux/man-pages/man2/dup.2.html
 */
export function dup2(from: number, to: number, cloexec = false): number {
  checkedBoolean('cloexec', cloexec);
  return posix.dup2(checkedInt('from', from), checkedInt('to', to), cloexec);
}

/** Those whose argument is a number: a pointer from JavaScript would write anywhere. */
const commands = [
  'F_GETFD',
  'F_SETFD',
  'F_GETFL',
  'F_SETFL',
  'F_DUPFD_CLOEXEC',
  'F_GETPIPE_SZ',
  'F_SETPIPE_SZ',
] as const;

/**
 * Asks or changes what a descriptor is like.
 * @param command F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_SETPIPE_SZ.
 * @returns What was asked for: flags, a descriptor, a number of bytes.
 * @throws ValueError for other commands; OSError EBADF, EINVAL; PermissionError for a pipe beyond
 * /proc/sys/fs/pipe-max-size.
 * @see https://man7.org/linux/man-pages/man2/fcntl.2.html
 */
export function fcntl(fd: number, command: number, argument = 0): number {
  checkedInt('command', command);
  if (!commands.some((name) => posix[name] === command)) {
    throw new ValueError(`command ${command} is none of ${commands.join(', ')}`);
  }
  return posix.fcntl(checkedInt('fd', fd), command, checkedInt('argument', argument));
}

/**
 * Sets the size of a file or of a shared memory object. What is added is zeros.
 * @param size Bytes.
 * @throws OSError EBADF, EINVAL, EFBIG.
 * @see https://man7.org/linux/man-pages/man2/ftruncate.2.html
 */
export function ftruncate(fd: number, size: number): void {
  posix.ftruncate(checkedInt('fd', fd), checkedSize('size', size));
}

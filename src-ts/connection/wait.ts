/** Waiting for several things at once. */

import { constants } from 'node:os';

import { checkedTimeout } from '../arguments';
import { expected, ValueError } from '../errors';
import { posix, type Watch } from '../native';
import { afterSeconds } from '../timer';

/** What can be waited for: a descriptor such as a sentinel, what has one, or a socket of Node's. */
export type Waitable = number | { fileno(): number } | object;

/**
 * Blocks until at least one can be read, or is at its end: connections, sockets, descriptors such
 * as `process.sentinel`. `timeout` in seconds; null means for ever.
 * @returns Those that are ready, in the order of the list; none when the time is over.
 * @throws ValueError if one is no descriptor, or there twice. OSError EBADF if one is not open.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.connection.wait
 */
export function wait<T extends Waitable>(objects: Iterable<T>, timeout: number | null = null): T[] {
  const list = [...objects];
  return readyOf(list, descriptorsOf(list), checkedTimeout(timeout) ?? Infinity);
}

/** Like wait(), without blocking the event loop. */
export async function waitAsync<T extends Waitable>(
  objects: Iterable<T>,
  timeout: number | null = null,
): Promise<T[]> {
  const list = [...objects];
  const fds = descriptorsOf(list);
  const seconds = checkedTimeout(timeout);
  const ready = readyOf(list, fds, 0);
  if (ready.length > 0 || seconds === 0) return ready;
  await untilSomeIsReady(fds, seconds);
  return readyOf(list, fds, 0);
}

/** Those whose descriptors are ready, after so many seconds at most. */
function readyOf<T>(objects: readonly T[], fds: readonly number[], seconds: number): T[] {
  const pairs = new Int32Array(2 * fds.length);
  fds.forEach((fd, index) => pairs.set([fd, posix.POLLIN], 2 * index));
  if (posix.poll(pairs, seconds) === 0) return [];
  return objects.filter((_, index) => {
    const events = pairs[2 * index + 1]!;
    if (events & posix.POLLNVAL) posix.raise(constants.errno.EBADF, 'poll');
    return events !== 0;
  });
}

async function untilSomeIsReady(fds: readonly number[], seconds: number | null): Promise<void> {
  const watches: Watch[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve) => {
      for (const fd of fds) watches.push(posix.watch(fd, resolve, posix.POLLIN));
      if (seconds !== null) timer = afterSeconds(seconds, resolve);
    });
  } finally {
    clearTimeout(timer);
    watches.forEach((watch) => posix.unwatch(watch));
  }
}

function descriptorsOf(objects: readonly unknown[]): number[] {
  const fds = objects.map(descriptorOf);
  const seen = new Set<number>();
  for (const fd of fds) {
    if (seen.has(fd)) throw new ValueError(`descriptor ${fd} is there twice`);
    seen.add(fd);
  }
  return fds;
}

function descriptorOf(object: unknown): number {
  const fd = typeof object === 'number' ? object : numberOf(object);
  if (typeof fd !== 'number' || !Number.isInteger(fd)) {
    throw new ValueError(expected('a descriptor, or something with fileno()', 'objects', object));
  }
  if (fd < 0) throw new ValueError(`Invalid file descriptor: ${fd}`);
  return fd;
}

function numberOf(object: unknown): unknown {
  const { fileno, _handle } = (object ?? {}) as {
    fileno?: unknown;
    _handle?: { fd?: unknown } | null;
  };
  return typeof fileno === 'function' ? Reflect.apply(fileno, object, []) : _handle?.fd;
}

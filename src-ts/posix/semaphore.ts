/** Named semaphores. */

import { expected, NotImplementedError } from '../errors';
import { posix, type SemaphoreHandle } from '../native';
import { checkedInt, checkedName, checkedSeconds, checkedUnsigned } from './arguments';

/** What semOpen() returns. Closed by semClose(), or when nobody refers to it any more. */
class NamedSemaphore {
  readonly name: string;
  readonly #handle: SemaphoreHandle;

  constructor(name: string, handle: SemaphoreHandle) {
    this.name = name;
    this.#handle = handle;
  }

  /** The handle of a value that must be one of these, and not only look like it. */
  static handleOf(value: unknown): SemaphoreHandle {
    if (typeof value === 'object' && value !== null && #handle in value) return value.#handle;
    throw new TypeError(expected('a NamedSemaphore', 'sem', value));
  }
}

export type { NamedSemaphore };

function handleOf(value: unknown): SemaphoreHandle {
  return NamedSemaphore.handleOf(value);
}

/**
 * Opens a named semaphore: a counter in the kernel's care that processes share by its name, or
 * by fork.
 * @param name Up to 251 bytes, with or without a slash before it.
 * @param flags O_CREAT makes it if there is none, O_CREAT | O_EXCL must make it.
 * @param mode Permissions of a new one, less the umask.
 * @param value The count of a new one, at most SEM_VALUE_MAX.
 * @throws FileNotFoundError, FileExistsError, PermissionError; OSError EINVAL for a name with another
 * slash, ENAMETOOLONG or EINVAL for one that is too long.
 * @see https://man7.org/linux/man-pages/man3/sem_open.3.html
 */
export function semOpen(name: string, flags = 0, mode = 0o600, value = 0): NamedSemaphore {
  const handle = posix.semOpen(
    checkedName(name),
    checkedInt('flags', flags),
    checkedUnsigned('mode', mode),
    checkedUnsigned('value', value),
  );
  return new NamedSemaphore(name, handle);
}

/**
 * Closes a semaphore in this process. The name and the other processes keep it.
 * @throws OSError EINVAL when it is closed already, as for every call with a closed one.
 * @see https://man7.org/linux/man-pages/man3/sem_close.3.html
 */
export function semClose(sem: NamedSemaphore): void {
  posix.semClose(handleOf(sem));
}

/**
 * Removes the name. Those who have the semaphore open keep it.
 * @throws FileNotFoundError, PermissionError.
 * @see https://man7.org/linux/man-pages/man3/sem_unlink.3.html
 */
export function semUnlink(name: string): void {
  posix.semUnlink(checkedName(name));
}

/**
 * Takes one off the count; waits while it is 0.
 * @throws OSError EINVAL.
 * @see https://man7.org/linux/man-pages/man3/sem_wait.3.html
 */
export function semWait(sem: NamedSemaphore): void {
  posix.semWait(handleOf(sem));
}

/**
 * Takes one off the count if it is not 0.
 * @returns Whether it did.
 * @throws OSError EINVAL.
 * @see https://man7.org/linux/man-pages/man3/sem_wait.3.html
 */
export function semTrywait(sem: NamedSemaphore): boolean {
  return posix.semTrywait(handleOf(sem));
}

/**
 * Takes one off the count; waits for a limited time while it is 0. The clock is the monotonic
 * one (sem_clockwait); where C has no such wait it looks every few milliseconds.
 * @param timeout Seconds; null for ever.
 * @returns False when the time is over.
 * @throws OSError EINVAL.
 * @see https://man7.org/linux/man-pages/man3/sem_wait.3.html
 */
export function semTimedwait(sem: NamedSemaphore, timeout: number | null): boolean {
  return posix.semTimedwait(handleOf(sem), checkedSeconds(timeout));
}

/**
 * Adds one to the count, which ends the wait of one who waits.
 * @throws OSError EOVERFLOW at SEM_VALUE_MAX, EINVAL.
 * @see https://man7.org/linux/man-pages/man3/sem_post.3.html
 */
export function semPost(sem: NamedSemaphore): void {
  posix.semPost(handleOf(sem));
}

/**
 * The count; it may be another one by now.
 * @throws OSError EINVAL; NotImplementedError on macOS.
 * @see https://man7.org/linux/man-pages/man3/sem_getvalue.3.html
 */
export function semGetvalue(sem: NamedSemaphore): number {
  const handle = handleOf(sem);
  if (process.platform === 'darwin') throw new NotImplementedError('macOS has no sem_getvalue()');
  return posix.semGetvalue(handle);
}

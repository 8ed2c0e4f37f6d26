/** Shared memory objects and mappings. */

import { constants } from 'node:buffer';

import { expected, OverflowError, ValueError } from '../errors';
import { type MappingHandle, posix } from '../native';
import { checkedInt, checkedName, checkedSize, checkedUnsigned } from './arguments';
import { MAP_SHARED, PROT_READ, PROT_WRITE } from './constants';

/** What belongs to the buffers of mmap(). */
const handles = new WeakMap<ArrayBuffer, MappingHandle>();

/**
 * shm_open(3): opens a shared memory object, close-on-exec. ftruncate() gives a new one its size.
 * @param name With a leading slash, and no other.
 * @param flags O_RDONLY or O_RDWR, with O_CREAT, O_EXCL, O_TRUNC.
 * @param mode The permissions of a new one.
 * @throws FileExistsError, FileNotFoundError, PermissionError, OSError EINVAL
 * @see https://man7.org/linux/man-pages/man3/shm_open.3.html
 */
export function shmOpen(name: string, flags: number, mode = 0o600): number {
  return posix.shmOpen(
    checkedName(name),
    checkedInt('flags', flags),
    checkedUnsigned('mode', mode),
  );
}

/**
 * shm_unlink(3): removes the name. The memory lives on while it is open or mapped.
 * @throws FileNotFoundError
 * @see https://man7.org/linux/man-pages/man3/shm_unlink.3.html
 */
export function shmUnlink(name: string): void {
  posix.shmUnlink(checkedName(name));
}

/**
 * mmap(2): the memory of a file, or new memory with MAP_ANONYMOUS and the descriptor -1, which a
 * forked child shares if it is MAP_SHARED. An access beyond the end of the file is a SIGBUS, which
 * ends the process.
 * @param length Bytes, at least 1.
 * @param protection PROT_READ, PROT_WRITE.
 * @param flags MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS.
 * @param offset Where in the file; a multiple of the page size.
 * @returns A buffer on the memory itself. It is unmapped by munmap(), or when it is collected.
 * @throws OSError EINVAL, EACCES, ENOMEM, EBADF
 * @see https://man7.org/linux/man-pages/man2/mmap.2.html
 */
export function mmap(
  length: number,
  protection: number = PROT_READ | PROT_WRITE,
  flags: number = MAP_SHARED,
  fd = -1,
  offset = 0,
): ArrayBuffer {
  const size = checkedSize('length', length);
  if (size === 0) throw new ValueError('length must be at least 1');
  if (size > constants.MAX_LENGTH) {
    throw new OverflowError(`${size} bytes are more than a buffer of this Node can have`);
  }
  const [buffer, handle] = posix.mmap(
    size,
    checkedInt('protection', protection),
    checkedInt('flags', flags),
    checkedInt('fd', fd),
    checkedSize('offset', offset),
  );
  handles.set(buffer, handle);
  return buffer;
}

/**
 * munmap(2). The buffer and all views of it are empty from then on.
 * @throws TypeError if it is no buffer of mmap(); ValueError if it was unmapped before.
 * @see https://man7.org/linux/man-pages/man2/munmap.2.html
 */
export function munmap(buffer: ArrayBuffer): void {
  const handle = handles.get(buffer);
  if (handle === undefined) {
    throw new TypeError(expected('a buffer of mmap()', 'buffer', typeof buffer));
  }
  if (buffer.byteLength === 0) throw new ValueError('the buffer was unmapped before');
  posix.munmap(buffer, handle);
}

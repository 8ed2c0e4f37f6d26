/** Memory shared by processes: mappings of POSIX shared memory objects. */

import { constants as bufferConstants } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';

import { FileExistsError, OverflowError } from './errors';
import { type MappingHandle, posix } from './native';

const { PROT_READ, PROT_WRITE, MAP_SHARED, MAP_ANONYMOUS } = posix;

const { O_CREAT, O_EXCL, O_RDWR } = constants;

/** A shared mapping of a whole file. Its memory is the buffer's, until unmap(). */
export class Mapping {
  readonly buffer: ArrayBuffer;
  readonly handle: MappingHandle;

  constructor(fd: number, size: number, flags = MAP_SHARED) {
    if (size > bufferConstants.MAX_LENGTH) {
      throw new OverflowError(`${size} bytes are more than a Buffer of this Node can have`);
    }
    [this.buffer, this.handle] = posix.mmap(size, PROT_READ | PROT_WRITE, flags, fd, 0);
  }

  /** Memory for this process and those that it forks from now on; it is there when it is used. */
  static anonymous(size: number): Mapping {
    return new Mapping(-1, size, MAP_SHARED | MAP_ANONYMOUS);
  }

  /** A buffer of its own on a part of the memory, which it keeps mapped. */
  slice(offset: number, length: number): ArrayBuffer {
    return posix.slice(this.handle, offset, length);
  }

  /** Views of the buffer are empty from now on: using them is no crash. */
  unmap(): void {
    posix.munmap(this.buffer, this.handle);
  }
}

/** How many names are tried before it is an error. */
const ATTEMPTS = 100;

/** `prefix` and random characters. */
export function randomName(prefix: string): string {
  return prefix + randomBytes(4).toString('hex');
}

/**
 * Creates a shared memory object under a name that nobody has, in memory that is there.
 * @param makeName Called again while the name exists.
 * @param create Fails with FileExistsError if it does.
 */
export function createShared(
  makeName: () => string,
  size: number,
  create: (name: string, size: number) => number = createExclusively,
): { fd: number; name: string } {
  for (let attempt = 1; ; attempt++) {
    const name = makeName();
    try {
      return { fd: create(name, size), name };
    } catch (error) {
      if (!(error instanceof FileExistsError) || attempt === ATTEMPTS) throw error;
    }
  }
}

export function createExclusively(name: string, size: number): number {
  return createNamed(name, O_CREAT | O_EXCL | O_RDWR, size);
}

/** shm_open(3) and the size; nothing is left when the memory is not there. */
export function createNamed(name: string, flags: number, size: number): number {
  const fd = posix.shmOpen(name, flags, 0o600);
  try {
    posix.allocate(fd, size);
    return fd;
  } catch (error) {
    posix.close(fd);
    posix.shmUnlink(name);
    throw error;
  }
}

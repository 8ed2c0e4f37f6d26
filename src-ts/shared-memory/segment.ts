/** A segment of shared memory. */

import { constants as bufferConstants } from 'node:buffer';
import { constants } from 'node:fs';
import { inspect } from 'node:util';

import { checkedBoolean, isOptions, withKnownNames } from '../arguments';
import { expected, OverflowError, ValueError } from '../errors';
import { createExclusively, createShared, Mapping, randomName } from '../mapping';
import { posix } from '../native';
import { register, registerBeforeCreation, unregister } from '../resource-tracker';
import * as serialization from '../serialization';

/** What Python passes to SharedMemory() by keyword. */
export interface SharedMemoryOptions {
  /** By default, a new segment gets a random name. */
  name?: string | null;
  /** Whether to make a new segment. Default: attach to the one that is there. */
  create?: boolean;
  /** Bytes, for a new segment. */
  size?: number;
  /**
   * Whether the segment is unlinked, with a warning, when the last process of this program has
   * ended. Default: that of the program that created it.
   */
  track?: boolean | null;
}

const optionNames = ['name', 'create', 'size', 'track'];
const TYPE = 'shared_memory';
/** NAME_MAX of the kernel's. */
const MAX_NAME = 255;
const { O_RDWR } = constants;

/**
 * Memory with a name: every process that attaches to it reads and writes the same bytes. It lives until
 * somebody calls unlink(), or the program that created it has ended: all processes that were forked
 * from one another, whatever ends them. Then the resource tracker unlinks it, and says so on stderr.
 *
 * @example
 * const memory = new SharedMemory({ create: true, size: 8 });
 * const child = new Process({ target: () => { memory.buf[0] = 42; } });
 * child.start();
 * child.join();
 * console.log(memory.buf[0]); // 42
 * memory.close();
 * memory.unlink();
 *
 * @see https://docs.python.org/3/library/multiprocessing.shared_memory.html
 */
export class SharedMemory {
  /** How a segment is opened to attach to it. With O_CREAT it is also made, empty, if need be. */
  protected static readonly flags: number = O_RDWR;

  readonly #path: string;
  readonly #size: number;
  #mapping: Mapping | null;
  #buf: Buffer | null;

  /**
   * Creates a segment, filled with zeros, or attaches to one. Takes Python's keyword arguments as
   * one object, or its positional ones. Attaching ignores the size.
   * @throws ValueError for a bad size or name; OverflowError for more than a Buffer can have.
   * @throws FileExistsError, FileNotFoundError, PermissionError.
   * @throws OSError ENOSPC when there is not as much memory; EINVAL for a name with a slash.
   * @throws TimeoutError if the resource tracker hangs; nothing is created.
   */
  constructor(options?: SharedMemoryOptions);
  constructor(
    name?: string | null,
    create?: boolean,
    size?: number,
    options?: Pick<SharedMemoryOptions, 'track'>,
  );
  constructor(...given: unknown[]) {
    const { name, create, size, track } = toOptions(given);
    let opened: Opened;
    if (create) {
      checkRoom(size);
      opened = createSegment(name, size, track ?? true);
    } else {
      if (name === null) throw new ValueError("'name' can only be None if create=True");
      opened = attach(name, new.target.flags, track ?? false);
    }
    this.#path = opened.path;
    this.#mapping = opened.mapping;
    this.#buf = Buffer.from(opened.mapping.buffer);
    this.#size = this.#buf.length;
  }

  /**
   * The memory itself, null after close(). Views of it can be made: `new Int32Array(shm.buf.buffer)`.
   * Nothing orders what processes do to it: use a Lock, or Atomics on a view.
   */
  get buf(): Buffer | null {
    return this.#buf;
  }

  /** By this name others attach. */
  get name(): string {
    return this.#path.slice(1);
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Gives the memory back; the segment lives on. All views of it are empty afterwards: they have
   * length 0, reading gives undefined, and their methods throw a TypeError. (Python refuses to close
   * while there are views; JavaScript cannot know.) Garbage collection closes, too.
   */
  close(): void {
    const mapping = this.#mapping;
    this.#mapping = null;
    this.#buf = null;
    mapping?.unmap();
  }

  /**
   * Removes the name. Call it once, in any process; the memory lives until all have closed it.
   * @throws FileNotFoundError if it has been unlinked.
   * @throws TimeoutError if the resource tracker hangs; the name is gone all the same.
   */
  unlink(): void {
    posix.shmUnlink(this.#path);
    unregister(this.#path, TYPE);
  }

  /** The same as close(). */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The same as close(). */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Python's repr: `SharedMemory('psm_21467_46075', size=4096)`. */
  toString(): string {
    return `${this.constructor.name}(${inspect(this.name)}, size=${this.size})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

interface Opened {
  path: string;
  mapping: Mapping;
}

/** At no moment can a kill leave something behind that the tracker does not know of. */
function createSegment(name: string | null, size: number, track: boolean): Opened {
  const create = track ? createTracked : createExclusively;
  const { fd, name: path } =
    name === null
      ? createShared(() => randomName('/psm_'), size, create)
      : { fd: create(`/${name}`, size), name: `/${name}` };
  try {
    return { path, mapping: mapped(fd) };
  } catch (error) {
    posix.shmUnlink(path);
    if (track) unregister(path, TYPE);
    throw error;
  }
}

function createTracked(path: string, size: number): number {
  const isNew = registerBeforeCreation(path, TYPE);
  try {
    return createExclusively(path, size);
  } catch (error) {
    if (isNew) unregister(path, TYPE);
    throw error;
  }
}

function attach(name: string, flags: number, track: boolean): Opened {
  const path = `/${name}`;
  const mapping = mapped(posix.shmOpen(path, flags, 0o600));
  if (track) register(path, TYPE);
  return { path, mapping };
}

/** Maps all of it. The descriptor is not needed for longer. */
function mapped(fd: number): Mapping {
  try {
    const size = posix.fileSize(fd);
    if (size === 0) throw new ValueError('cannot mmap an empty file');
    return new Mapping(fd, size);
  } finally {
    posix.close(fd);
  }
}

function toOptions(given: unknown[]): Required<SharedMemoryOptions> & { name: string | null } {
  const { name, create, size, track } = isOptions(given)
    ? withKnownNames('SharedMemory', (given[0] ?? {}) as SharedMemoryOptions, optionNames)
    : fromPositional(given);
  return {
    name: checkedName(name),
    create: checkedBoolean('create', create ?? false),
    size: checkedSize(size ?? 0),
    track: track == null ? null : checkedBoolean('track', track),
  };
}

function fromPositional([name, create, size, rest]: unknown[]): SharedMemoryOptions {
  const { track } = withKnownNames('SharedMemory', rest ?? {}, ['track']) as SharedMemoryOptions;
  return { name, create, size, track } as SharedMemoryOptions;
}

/** The kernel judges the rest: EINVAL for a slash in the middle. */
function checkedName(name: unknown): string | null {
  if (name == null) return null;
  if (typeof name !== 'string') throw new TypeError(expected('a string', 'name', name));
  if (name.includes('\0')) throw new ValueError('embedded null character');
  const bare = name.startsWith('/') ? name.slice(1) : name;
  if (Buffer.byteLength(bare) > MAX_NAME) {
    throw new ValueError(`shared memory name too long (max ${MAX_NAME} bytes)`);
  }
  return bare;
}

function checkedSize(size: unknown): number {
  if (typeof size !== 'number') throw new TypeError(expected('an integer', 'size', size));
  if (!(size >= 0)) throw new ValueError("'size' must be a positive integer");
  if (!Number.isInteger(size)) throw new TypeError(expected('an integer', 'size', size));
  return size;
}

function checkRoom(size: number): void {
  if (size === 0) throw new ValueError("'size' must be a positive number different from zero");
  const most = bufferConstants.MAX_LENGTH;
  if (size <= most) return;
  throw new OverflowError(`'size' is ${size}, and a Buffer can have ${most} bytes at most`);
}

serialization.register(SharedMemory, {
  name: 'multiproc.SharedMemory',
  reduce: (segment: SharedMemory) => ({ name: segment.name }),
  construct: ({ name }: { name: string }) => new SharedMemory({ name }),
});

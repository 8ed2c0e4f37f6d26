/** The typed face of the two addons: the only file that loads them. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

import { osError, RuntimeError } from './errors';

declare const watchBrand: unique symbol;
/** The number of a wait on the event loop that has begun. */
export type Watch = number & { readonly [watchBrand]: never };

declare const semaphoreBrand: unique symbol;
/** A named semaphore that was opened. The garbage collector closes it. */
export interface SemaphoreHandle {
  readonly [semaphoreBrand]: never;
}

/** A message queue, as mq_getattr(3) describes it. */
export interface MessageQueueAttributes {
  /** Whether this descriptor never waits. */
  nonblock: boolean;
  /** How many messages fit in. */
  maxmsg: number;
  /** How many bytes a message may have. */
  msgsize: number;
  /** How many messages are in it now. */
  curmsgs: number;
}

declare const mappingBrand: unique symbol;
/** Memory of mmap(2). */
export interface MappingHandle {
  readonly [mappingBrand]: never;
}

declare const feederBrand: unique symbol;
/** A thread that writes to a pipe. */
export interface FeederHandle {
  readonly [feederBrand]: never;
}

/** What cellsRead() returns instead of a length: LOST is a message whose writer was killed. */
export const NOTHING = -1;
export const END = -2;
export const LOST = -3;

/** OWNER_DIED: it is acquired, but its last owner ended without releasing it. */
export const NOT_ACQUIRED = 0;
export const ACQUIRED = 1;
export const OWNER_DIED = 2;
export type Acquired = typeof NOT_ACQUIRED | typeof ACQUIRED | typeof OWNER_DIED;

/** The bit of a lock's or a semaphore's word that says that somebody waits. */
export const WAITERS = -0x80000000;

/** What Node's `constants` lack. */
export interface PosixConstants {
  // constants.cc
  readonly O_CLOEXEC: number;
  readonly PROT_READ: number;
  readonly PROT_WRITE: number;
  readonly MAP_SHARED: number;
  readonly MAP_PRIVATE: number;
  readonly MAP_ANONYMOUS: number;
  readonly POLLIN: number;
  readonly POLLPRI: number;
  readonly POLLOUT: number;
  readonly POLLERR: number;
  readonly POLLHUP: number;
  readonly POLLNVAL: number;
  readonly AF_UNSPEC: number;
  readonly AF_UNIX: number;
  readonly SOCK_STREAM: number;
  readonly SOCK_DGRAM: number;
  readonly SOCK_SEQPACKET: number;
  readonly F_GETFD: number;
  readonly F_SETFD: number;
  readonly FD_CLOEXEC: number;
  readonly F_GETFL: number;
  readonly F_SETFL: number;
  readonly F_DUPFD_CLOEXEC: number;
  readonly SEM_VALUE_MAX: number;
  /** Linux only, like the following. */
  readonly POLLRDHUP: number;
  readonly F_GETPIPE_SZ: number;
  readonly F_SETPIPE_SZ: number;
  readonly MQ_PRIO_MAX: number;
}

/** System calls. A failure throws an OSError; EINTR is retried. */
export interface PosixAddon extends PosixConstants {
  readonly global: typeof globalThis;
  setErrorFactory(
    create: (errno: number, text: string, syscall: string, path: string | undefined) => Error,
  ): void;
  /** Throws the error of a system call that the other addon made. */
  raise(errno: number, syscall: string): never;

  // process.cc
  getpid(): number;
  getppid(): number;
  waitpid(pid: number, options: number): [pid: number, status: number];
  kill(pid: number, signal: number): void;
  /** Whether there is no such process, or only its zombie. */
  hasEnded(pid: number): boolean;
  /** mallopt(3): pieces of up to so many bytes, and twice as many in all, are kept when they are freed. */
  keepFreedMemory(size: number): void;
  exit(code: number): never;
  pidfdOpen(pid: number): number;
  setParentDeathSignal(signal: number): void;
  setThreadName(name: string): void;

  // descriptor.cc
  /** O_CLOEXEC without an argument. */
  pipe(flags?: number): [readEnd: number, writeEnd: number];
  /** Without arguments AF_UNIX, SOCK_STREAM, 0. */
  socketpair(domain?: number, type?: number, protocol?: number): [number, number];
  /** AF_UNSPEC for what is not a socket. */
  socketFamily(fd: number): number;
  close(fd: number): void;
  dup(fd: number): number;
  dup2(from: number, to: number, cloexec: boolean): number;
  /** Not for a command whose argument is a pointer. */
  fcntl(fd: number, command: number, argument: number): number;
  ftruncate(fd: number, size: number): void;
  openAs(path: string, fd: number): void;
  read(fd: number, bytes: Uint8Array): number;
  write(fd: number, bytes: Uint8Array): number;
  writeAll(fd: number, bytes: Uint8Array): void;
  /** To a socket, without waiting: -1 if it takes nothing now, -2 if nobody reads any more. */
  trySend(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** `pairs`: descriptors and events in turn; the events are replaced. Seconds, or Infinity. */
  poll(pairs: Int32Array, timeout: number): number;

  // semaphore.cc: after semClose() all fail with EINVAL
  semOpen(name: string, flags: number, mode: number, value: number): SemaphoreHandle;
  semClose(semaphore: SemaphoreHandle): void;
  semUnlink(name: string): void;
  semWait(semaphore: SemaphoreHandle): void;
  semTrywait(semaphore: SemaphoreHandle): boolean;
  /** False after so many seconds; Infinity for ever. */
  semTimedwait(semaphore: SemaphoreHandle, seconds: number): boolean;
  semPost(semaphore: SemaphoreHandle): void;
  /** Not on macOS. */
  semGetvalue(semaphore: SemaphoreHandle): number;

  // message_queue.cc, which is empty on macOS
  mqOpen(name: string, flags: number, mode: number, maxmsg?: number, msgsize?: number): number;
  mqUnlink(name: string): void;
  /** Seconds, or Infinity; then ETIMEDOUT. */
  mqSend(queue: number, bytes: Uint8Array, priority: number, timeout: number): void;
  mqReceive(queue: number, timeout: number): [message: Buffer, priority: number];
  mqGetattr(queue: number): MessageQueueAttributes;
  /** Returns the attributes of before. */
  mqSetattr(queue: number, nonblock: boolean): MessageQueueAttributes;

  // shared_memory.cc
  shmOpen(name: string, flags: number, mode: number): number;
  shmUnlink(name: string): void;
  /** Sets the size and reserves the memory: ENOSPC now is better than SIGBUS later. */
  allocate(fd: number, size: number): void;
  fileSize(fd: number): number;
  mmap(
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): [ArrayBuffer, MappingHandle];
  /** Another buffer, on a part of the memory, which it keeps. */
  slice(handle: MappingHandle, offset: number, length: number): ArrayBuffer;
  munmap(buffer: ArrayBuffer, handle: MappingHandle): void;

  // address.cc
  /** Sleeps while words[index] is value, for so many seconds at most. It may return early. */
  waitWhile(words: Int32Array, index: number, value: number, seconds: number): void;
  waitWhileAsync(words: Int32Array, index: number, value: number, seconds: number): Promise<number>;
  /** How many of those who waited were woken, as far as it is known. */
  wake(words: Int32Array, index: number, count: number): number;

  // lock.cc
  /** The word of a lock is 0 or its owner's pid. */
  lockAcquire(words: Int32Array, index: number, owner: number, seconds: number): Acquired;
  lockAcquireAsync(
    words: Int32Array,
    index: number,
    owner: number,
    seconds: number,
  ): Promise<Acquired>;
  /** The word of a semaphore is its value. 1 when it was acquired. */
  semaphoreAcquire(words: Int32Array, index: number, seconds: number): number;
  semaphoreAcquireAsync(words: Int32Array, index: number, seconds: number): Promise<number>;

  // cells.cc
  /** A pipe, of which the reading end does not block. */
  cellPipe(): [reading: number, writing: number];
  /** The length of a message, now in `scratch`; a buffer if it is longer; or what is below. */
  cellsRead(
    fd: number,
    scratch: Uint8Array,
    writersLock: Int32Array,
    index: number,
  ): number | ArrayBuffer;
  /** Writes a message when the lock can be had. */
  cellsWrite(
    fd: number,
    lock: Int32Array,
    index: number,
    owner: number,
    message: Uint8Array,
    length: number,
  ): void;
  /** The promise of an errno, or 0. */
  cellsWriteAsync(
    fd: number,
    lock: Int32Array,
    index: number,
    owner: number,
    message: Uint8Array,
    length: number,
  ): Promise<number>;

  // feeder.cc
  /** Starts a thread that writes messages, with the lock, which is in the mapping. */
  feederStart(
    readFd: number,
    writeFd: number,
    lock: Int32Array,
    index: number,
    mapping: MappingHandle,
  ): FeederHandle;
  feederPut(feeder: FeederHandle, message: Uint8Array, length: number): void;
  /** No more is put. */
  feederClose(feeder: FeederHandle): void;
  /** Waits until all is written: 0, the errno of what was not, or -1 when the time is over. */
  feederJoin(feeder: FeederHandle, seconds: number): number;
  feederJoinAsync(feeder: FeederHandle, seconds: number): Promise<number>;
  /** Before the end of the process: what nobody else can read need not be written. */
  feederStopReading(feeder: FeederHandle): void;
  /** In a child: closes the descriptors of its parent's feeder. */
  feederForget(feeder: FeederHandle): void;

  // local_socket.cc
  /** A path; after a first byte of 0, a name in Linux's abstract namespace. */
  listenLocal(address: Uint8Array, backlog: number): number;
  connectLocal(address: Uint8Array): number;
  /** The effective user id of the other side. */
  peerUser(fd: number): number;

  // spawn.cc
  /** The pid of a process that runs the program, with `fds` as its descriptors 3 and up. */
  spawn(path: string, fds: readonly number[]): number;

  // program.cc
  /**
   * The id of this program, which is the first candidate, and a descriptor that shows to others when
   * all its processes have ended.
   */
  program(candidate: Uint8Array): [id: Buffer, end: number];

  // watch.cc
  /** Calls back once, when one of the events (POLLIN, POLLOUT) is there. Keeps the loop alive. */
  watch(fd: number, callback: () => void, events: number): Watch;
  /** Does nothing after the callback, and in a child with what its parent watches. */
  unwatch(watch: Watch): void;
  /** In a child: calls nothing of the parent's back. */
  forgetWatches(): void;

  // frame.cc: `socket` is whether the descriptor is one
  /** The most descriptors that one message can carry. */
  readonly mostDescriptors: number;
  /** Writes a message of `length` bytes, with the descriptors. */
  sendFrame(
    fd: number,
    socket: boolean,
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: readonly number[] | undefined,
  ): void;
  /** How many bytes of the frame are written without waiting, with the `sent` ones before. */
  trySendFrame(
    fd: number,
    socket: boolean,
    bytes: Uint8Array,
    offset: number,
    length: number,
    descriptors: readonly number[] | undefined,
    sent: number,
  ): number;
  /**
   * The length of the next message: it is in `bytes`, or still to be read if it is more than `room`.
   * Or -1 at the end, -2 at the end within the message, -3 for a length that cannot be. `received`
   * gets the number of descriptors, whether some were lost, and them; without it they are closed.
   */
  recvFrame(
    fd: number,
    socket: boolean,
    bytes: Uint8Array,
    offset: number,
    room: number,
    received: Int32Array | undefined,
  ): number;
  /** The number of bytes read, which is less than `length` only at the end. */
  readAll(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** Reads without waiting: 0 at the end, -1 if there is nothing yet. */
  tryRead(
    fd: number,
    socket: boolean,
    bytes: Uint8Array,
    offset: number,
    length: number,
    received: Int32Array | undefined,
  ): number;
  sendmsg(fd: number, bytes: Uint8Array, length: number, descriptors: readonly number[]): number;
  recvmsg(fd: number, bytes: Uint8Array, length: number, received: Int32Array): number;
}

/** fork(2) for a process that runs V8. */
export interface ForkAddon {
  /** The child's pid in the parent, 0 in the child, or -errno. `kept` null: everything lives on. */
  fork(any: () => void, kept: readonly number[] | null): number;
  /** In a child: whether the parent's stream on this descriptor was put to rest. */
  disarmed(fd: number): boolean;
  clearAsyncIds(thrower: () => never): void;
  stopPromiseHooks(): void;
  /** Whether the call has OpenSSL make random bytes. */
  drawsRandomBytes(call: () => void): boolean;
  /**
   * Never returns: ends the JavaScript stack; the event loop calls `prelude`, then `main`.
   * `inScript`: no callback is on the stack.
   */
  unwind(prelude: () => void, main: () => void, any: () => void, inScript: boolean): never;
  /** `settles` tells of a promise of WebAssembly's whether to settle it. */
  onWasm(settles: (promise: Promise<unknown>) => boolean): void;
  /** Ends a child: flushes C's streams, and no more. */
  exit(code: number): never;
  onExit(callback: (code: number) => void): void;
}

function binaryDirectory(): string {
  return (
    process.env['MULTIPROC_BINARIES'] ??
    join(__dirname, '..', 'prebuilds', `${process.platform}-${process.arch}`)
  );
}

/** Where a binary of this package is. */
export function binaryPath(name: string): string {
  return join(binaryDirectory(), name);
}

function load<Addon>(name: string): Addon {
  const path = binaryPath(name);
  if (!existsSync(path)) {
    throw new Error(
      `multiproc has no binary for Node ${process.version} (ABI ${process.versions.modules}) on ` +
        `${process.platform}-${process.arch}: ${path} is missing. Supported are Node 20, 22, 24 ` +
        `and 26; in a checkout of the sources, "npm run build" makes it.`,
    );
  }
  return require(path) as Addon;
}

export const posix = load<PosixAddon>('posix.node');

posix.setErrorFactory((errno, text, syscall, path) => osError({ errno, text, syscall, path }));

/**
 * From now on V8's background work runs on the addon's threads, and the addon knows of every worker
 * thread that is started. Only the main thread can fork.
 */
const forkAddon = isMainThread
  ? load<ForkAddon>(`fork-${process.versions.modules}.node`)
  : undefined;

export function forker(): ForkAddon {
  if (forkAddon !== undefined) return forkAddon;
  throw new RuntimeError('fork(2) copies one thread, and Node needs its main one');
}

/** The pid of this process, as it is also after a fork. */
export let ownPid = posix.getpid();
/** How often this process, and those that it is a copy of, have called fork(). */
export let forks = 0;

/** fork(2), as ForkAddon.fork(), with its failure thrown. */
export function fork(any: () => void, kept: readonly number[] | null): number {
  forks += 1;
  const pid = forker().fork(any, kept);
  if (pid < 0) posix.raise(-pid, 'fork');
  if (pid === 0) ownPid = posix.getpid();
  return pid;
}

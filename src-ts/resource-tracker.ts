/**
 * The resource tracker: CPython's resource_tracker.py. One small process for each program, that is, for
 * all processes that were forked from one another. It holds the names of their shared memory, and
 * unlinks what is left when the last of them has ended, however it ended. It is started by the
 * first process that needs it.
 *
 * Each request has a connection of its own: on one that is inherited, processes would take each
 * other's replies.
 */

import { randomBytes } from 'node:crypto';
import { chmodSync, constants as files, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  closeAll,
  newReceived,
  raiseLost,
  someWereLost,
  takeReceived,
} from './connection/received';
import {
  ChildProcessError,
  expected,
  FileNotFoundError,
  OSError,
  osError,
  PermissionError,
  RuntimeError,
  TimeoutError,
  ValueError,
} from './errors';
import { binaryPath, posix } from './native';
import { main } from './realm';
import { exitcodeOf } from './wait-status';

/** Seconds after which the tracker counts as stuck. */
const PATIENCE = 5;
/** Milliseconds after which an address where nobody listens belongs to nobody. */
const FORSAKEN = 500;
/** How many processes may wait to be accepted. */
const BACKLOG = 4096;
/** How often it is started before that is an error. */
const ATTEMPTS = 5;
/** As the kernel's, and CPython's. */
const MAX_NAME = 255;

const { EEXIST } = constants.errno;

const [programId, programEnd] = posix.program(randomBytes(16));

/** The names that this process has registered, and those it was forked from. */
const live = new Set<string>();
/** The tracker that knows them; 0 if there was none yet. */
let trackerPid = 0;

/** What the tracker can be asked; tracker/main.cc has the other side. */
export type Command = 'p' | 'c' | 'r' | 'u' | 'd' | 'w';

export interface Reply {
  /** 0 or the number of an error. */
  readonly number: number;
  /** The tracker. */
  readonly pid: number;
  readonly descriptors: number[];
}

/**
 * Starts the tracker unless this program has one, and starts another one when that has died.
 * @throws TimeoutError if it does not answer within 5 seconds; OSError if it cannot be started.
 */
export function ensureRunning(): void {
  request('p', noBytes, []);
}

/** The tracker's pid; null if this program has none. */
export function probe(): number | null {
  return exchange('p', noBytes, [], deadline())?.pid ?? null;
}

/**
 * Has a name unlinked at the end of the program, unless it is unregistered before.
 * @param name As shm_open(3) takes it, with the slash.
 * @throws ValueError if the name is too long, or the type is not 'shared_memory'.
 */
export function register(name: string, type: string): void {
  registerAs('r', name, type);
}

/**
 * The same for a name under which this process is about to create something: whatever kills it at
 * whatever moment, nothing is left, and nothing of others is unlinked.
 * @returns Whether the name was not registered before: if the creation fails, unregister it then.
 */
export function registerBeforeCreation(name: string, type: string): boolean {
  return registerAs('c', name, type);
}

/** Takes a name back. One that is not registered is no error. */
export function unregister(name: string, type: string): void {
  const bytes = checkedName(name, type);
  live.delete(name);
  if (live.size > 0) request('u', bytes, []);
  else requestExisting('u', bytes);
}

/** Asks the tracker, which is started if need be. The numbers of errors are the caller's business. */
export function request(
  command: Command,
  bytes: Uint8Array,
  descriptors: readonly number[],
): Reply {
  const end = deadline();
  for (let starts = 0; starts < ATTEMPTS;) {
    const reply = exchange(command, bytes, descriptors, end);
    if (reply !== undefined) {
      registerAgain(reply.pid, end);
      return reply;
    }
    if (start(end)) starts += 1;
  }
  throw new RuntimeError('the resource tracker dies as soon as it is started');
}

/** Asks the tracker if there is one. */
export function requestExisting(command: Command, bytes: Uint8Array): Reply | undefined {
  return exchange(command, bytes, [], deadline());
}

function registerAs(command: Command, name: string, type: string): boolean {
  const { number } = request(command, checkedName(name, type), []);
  live.add(name);
  return number !== EEXIST;
}

function checkedName(name: unknown, type: unknown): Buffer {
  if (type !== 'shared_memory') {
    throw new ValueError(
      `Cannot register ${String(name)} for automatic cleanup: unknown resource type ${String(type)}`,
    );
  }
  if (typeof name !== 'string') throw new TypeError(expected('a string', 'name', name));
  if (name.includes('\0')) throw new ValueError('embedded null character');
  const bytes = Buffer.from(name);
  if (bytes.length > MAX_NAME + 1) {
    throw new ValueError(`shared memory name too long (max ${MAX_NAME} bytes)`);
  }
  return bytes;
}

const noBytes = Buffer.alloc(0);

function deadline(): number {
  return performance.now() + PATIENCE * 1000;
}

function warnOfDeath(): void {
  main.process.emitWarning(
    'resource_tracker: process died unexpectedly, relaunching.  Some resources might leak.',
    'UserWarning',
  );
}

/** After the death of a tracker. Another process may have started the new one. */
function registerAgain(pid: number, end: number): void {
  if (pid === trackerPid) return;
  trackerPid = pid;
  for (const name of live) {
    if (!exists(name)) live.delete(name);
    else exchange('r', Buffer.from(name), [], end);
  }
}

/** Other processes may have unlinked it. */
function exists(name: string): boolean {
  try {
    posix.close(posix.shmOpen(name, files.O_RDONLY, 0));
    return true;
  } catch (error) {
    return !(error instanceof FileNotFoundError);
  }
}

/** Starts a tracker; false if another process is about to do so. */
function start(end: number): boolean {
  const listener = listen();
  if (listener === undefined) {
    pause(end);
    removeForsaken(end);
    return false;
  }
  try {
    if (trackerPid !== 0) warnOfDeath();
    trackerPid = 0;
    awaitDaemon(spawn([listener, programEnd]));
  } finally {
    posix.close(listener);
  }
  return true;
}

function spawn(fds: readonly number[]): number {
  const path = binaryPath('tracker');
  try {
    return posix.spawn(path, fds);
  } catch (error) {
    // Archives and installers lose modes.
    if (!(error instanceof PermissionError)) throw error;
    makeExecutable(path, error);
    return posix.spawn(path, fds);
  }
}

function makeExecutable(path: string, otherwise: unknown): void {
  try {
    chmodSync(path, 0o755);
  } catch {
    throw otherwise;
  }
}

/** The process that was spawned forks the tracker, and ends. */
function awaitDaemon(pid: number): void {
  let status: number;
  try {
    [, status] = posix.waitpid(pid, 0);
  } catch (error) {
    // Where SIGCHLD is ignored, the kernel reaps.
    if (error instanceof ChildProcessError) return;
    throw error;
  }
  const code = exitcodeOf(status);
  if (code === 127) throw new RuntimeError(`${binaryPath('tracker')} cannot be run`);
  if (code !== 0) throw new RuntimeError(`the resource tracker did not start: exit code ${code}`);
}

/** One request over a connection of its own; undefined if there is no tracker, or it ended. */
function exchange(
  command: Command,
  bytes: Uint8Array,
  descriptors: readonly number[],
  end: number,
): Reply | undefined {
  const fd = connect(end);
  if (fd === undefined) return undefined;
  try {
    return converse(fd, command, bytes, descriptors, end);
  } finally {
    posix.close(fd);
  }
}

function converse(
  fd: number,
  command: Command,
  bytes: Uint8Array,
  descriptors: readonly number[],
  end: number,
): Reply | undefined {
  try {
    const message = Buffer.concat([Buffer.from(command), bytes]);
    posix.sendmsg(fd, message, message.length, descriptors);
    const seconds = Math.max(end - performance.now(), 0) / 1000;
    if (posix.poll(Int32Array.of(fd, posix.POLLIN), seconds) === 0) throw stuck();
    const reply = new Int32Array(2);
    const received = newReceived();
    if (posix.recvmsg(fd, new Uint8Array(reply.buffer), reply.byteLength, received) === 0) {
      return undefined;
    }
    const came = takeReceived(received) ?? [];
    if (someWereLost(received)) {
      closeAll(came);
      raiseLost();
    }
    return { number: reply[0]!, pid: reply[1]!, descriptors: came };
  } catch (error) {
    if (isCode(error, 'EPIPE', 'ECONNRESET')) return undefined;
    throw error;
  }
}

/** A connection to the tracker of this program and user; undefined if there is none. */
function connect(end: number): number | undefined {
  for (;;) {
    try {
      return checkedPeer(posix.connectLocal(address()));
    } catch (error) {
      if (isCode(error, 'ECONNREFUSED', 'ENOENT')) return undefined;
      // Too many processes wait there already.
      if (!isCode(error, 'EAGAIN')) throw error;
    }
    pause(end);
  }
}

/** Anybody could have taken the address after the death of a tracker. */
function checkedPeer(fd: number): number {
  if (posix.peerUser(fd) === process.geteuid!()) return fd;
  posix.close(fd);
  const text = "another user listens at the resource tracker's address";
  throw osError({ errno: constants.errno.EPERM, text, syscall: 'connect' });
}

/** A listening socket; undefined if another process of the program has it. */
function listen(): number | undefined {
  try {
    return posix.listenLocal(address(), BACKLOG);
  } catch (error) {
    if (isCode(error, 'EADDRINUSE')) return undefined;
    throw error;
  }
}

/** In a file system, the address of a tracker outlives it when it is killed. */
function removeForsaken(end: number): void {
  const waited = PATIENCE * 1000 - (end - performance.now());
  if (!hasAbstractNames && waited > FORSAKEN) rmSync(address().toString(), { force: true });
}

const hasAbstractNames = process.platform === 'linux';

/** Each user has a tracker: a process that gives up its rights cannot use that of before. */
function address(): Buffer {
  const name = `multiproc-${programId.toString('hex')}-${process.geteuid!()}`;
  return Buffer.from(hasAbstractNames ? `\0${name}` : join(tmpdir(), name));
}

function pause(end: number): void {
  if (performance.now() > end) throw stuck();
  posix.poll(new Int32Array(0), 0.002);
}

function stuck(): TimeoutError {
  return new TimeoutError(`the resource tracker did not answer within ${PATIENCE} seconds`);
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof OSError && codes.includes(error.code);
}

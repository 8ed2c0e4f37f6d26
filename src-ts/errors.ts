/**
 * Errors under Python's names. Those of the operating system also carry what Node's carry: `code`,
 * `errno` and `syscall`.
 */

import { constants } from 'node:os';

/** A condition that Python states with `assert`: the call makes no sense in this state. */
export class AssertionError extends Error {
  static {
    this.prototype.name = 'AssertionError';
  }
}

/** An argument of the right type with a wrong value, or an object that is closed. */
export class ValueError extends Error {
  static {
    this.prototype.name = 'ValueError';
  }
}

/** The call is impossible here and now. */
export class RuntimeError extends Error {
  static {
    this.prototype.name = 'RuntimeError';
  }
}

/** This platform does not offer it. */
export class NotImplementedError extends RuntimeError {
  static {
    this.prototype.name = 'NotImplementedError';
  }
}

/** The other end of a pipe is closed in every process, and nothing is left to read. */
export class EOFError extends Error {
  static {
    this.prototype.name = 'EOFError';
  }
}

/** An index that is out of range. */
export class IndexError extends Error {
  static {
    this.prototype.name = 'IndexError';
  }
}

/** An object lacks a method that its use needs. */
export class AttributeError extends Error {
  static {
    this.prototype.name = 'AttributeError';
  }
}

/** An object is still in use by others: a view, an exported pointer. */
export class BufferError extends Error {
  static {
    this.prototype.name = 'BufferError';
  }
}

/** A number that does not fit. */
export class OverflowError extends Error {
  static {
    this.prototype.name = 'OverflowError';
  }
}

/** A queue had nothing to give in time: queue.Empty of Python. */
export class Empty extends Error {
  static {
    this.prototype.name = 'Empty';
  }
}

/** A queue had no place in time: queue.Full of Python. */
export class Full extends Error {
  static {
    this.prototype.name = 'Full';
  }
}

/** A barrier is broken: a party timed out, failed or called abort() or reset(). */
export class BrokenBarrierError extends RuntimeError {
  static {
    this.prototype.name = 'BrokenBarrierError';
  }
}

/** The base of the two errors of values that cross: pickle.PickleError of Python. */
export class PickleError extends Error {
  static {
    this.prototype.name = 'PickleError';
  }
}

/** A value that cannot cross to another process. The message says where in the value it is, and why. */
export class PicklingError extends PickleError {
  static {
    this.prototype.name = 'PicklingError';
  }
}

/** A message from another process that cannot be read here. */
export class UnpicklingError extends PickleError {
  static {
    this.prototype.name = 'UnpicklingError';
  }
}

/** The base of the errors that are multiprocessing's own. */
export class ProcessError extends Error {
  static {
    this.prototype.name = 'ProcessError';
  }
}

/** A wait took longer than its timeout. */
export class TimeoutError extends ProcessError {
  static {
    this.prototype.name = 'TimeoutError';
  }
}

/** The other side does not know the secret. */
export class AuthenticationError extends ProcessError {
  static {
    this.prototype.name = 'AuthenticationError';
  }
}

/** The message is longer than the buffer given for it. The message is read, and here. */
export class BufferTooShort extends ProcessError {
  static {
    this.prototype.name = 'BufferTooShort';
  }
  /** As in Python: `args[0]` is the whole message. */
  readonly args: readonly [Buffer];

  constructor(message: Buffer) {
    super(`the message has ${message.length} bytes`);
    this.args = [message];
  }
}

/** What is known of a system call that failed. */
export interface SystemErrorInfo {
  /** The positive number of the C library. */
  errno: number;
  /** The text of strerror(3). */
  text: string;
  /** The system call. */
  syscall: string;
  /** The file or the name concerned, if there is one. */
  path?: string | undefined;
  /** The whole message, where Python's shows no number. */
  message?: string;
}

/** A system call failed. The message is Python's: `[Errno 32] Broken pipe`. */
export class OSError extends Error {
  static {
    this.prototype.name = 'OSError';
  }
  /** The symbolic name, such as 'EPIPE'. */
  readonly code: string;
  /** The number, negative as Node has it. */
  readonly errno: number;
  readonly syscall: string;
  declare readonly path?: string;

  constructor(info: SystemErrorInfo) {
    const path = info.path === undefined ? '' : `: '${info.path}'`;
    super(info.message ?? `[Errno ${info.errno}] ${info.text}${path}`);
    this.code = codeOf(info.errno);
    this.errno = -info.errno;
    this.syscall = info.syscall;
    if (info.path !== undefined) this.path = info.path;
  }
}

/** EAGAIN: it would have to wait, or a limit is reached. */
export class BlockingIOError extends OSError {
  static {
    this.prototype.name = 'BlockingIOError';
  }
}

/** ECHILD: not a child of this process, or waited for already. */
export class ChildProcessError extends OSError {
  static {
    this.prototype.name = 'ChildProcessError';
  }
}

/** EPERM or EACCES. */
export class PermissionError extends OSError {
  static {
    this.prototype.name = 'PermissionError';
  }
}

/** ESRCH: there is no such process. */
export class ProcessLookupError extends OSError {
  static {
    this.prototype.name = 'ProcessLookupError';
  }
}

/** EPIPE: nobody can read what is written. */
export class BrokenPipeError extends OSError {
  static {
    this.prototype.name = 'BrokenPipeError';
  }
}

/** EEXIST. */
export class FileExistsError extends OSError {
  static {
    this.prototype.name = 'FileExistsError';
  }
}

/** EOWNERDEAD: the process that held a lock has ended without releasing it. */
export class OwnerDiedError extends OSError {
  static {
    this.prototype.name = 'OwnerDiedError';
  }
}

/** ENOENT. */
export class FileNotFoundError extends OSError {
  static {
    this.prototype.name = 'FileNotFoundError';
  }
}

const classOfCode: Readonly<Record<string, typeof OSError>> = {
  EAGAIN: BlockingIOError,
  ECHILD: ChildProcessError,
  EPERM: PermissionError,
  EACCES: PermissionError,
  ESRCH: ProcessLookupError,
  EEXIST: FileExistsError,
  ENOENT: FileNotFoundError,
  EOWNERDEAD: OwnerDiedError,
  EPIPE: BrokenPipeError,
};

/** Those that are missing from Node's table. */
const unlisted: Readonly<Record<string, number>> = {
  EOWNERDEAD: process.platform === 'darwin' ? 105 : 130,
};

/** The symbolic name. Not from libuv's table, which lacks more: ECHILD. */
function codeOf(errno: number): string {
  const known = { ...constants.errno, ...unlisted };
  const found = Object.entries(known).find(([, number]) => number === errno);
  return found?.[0] ?? `E${errno}`;
}

/** Python chooses the subclass of OSError by the error number (PEP 3151). */
export function osError(info: SystemErrorInfo): OSError {
  return new (classOfCode[codeOf(info.errno)] ?? OSError)(info);
}

/** The text for an argument of a wrong type. */
export function expected(what: string, name: string, received: unknown): string {
  const shown = typeof received === 'string' ? `'${received}'` : String(received);
  return `Expected ${what} for ${name} but received ${shown} of type ${typeof received}`;
}

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
    super(`[Errno ${info.errno}] ${info.text}${path}`);
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
  EPIPE: BrokenPipeError,
  ENOENT: FileNotFoundError,
};

/** libuv's table, which Node offers for this, lacks some: ECHILD. */
function codeOf(errno: number): string {
  const found = Object.entries(constants.errno).find(([, number]) => number === errno);
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

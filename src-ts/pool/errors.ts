/** What a task may fail with, besides its own errors. */

import { constants } from 'node:os';

import { ProcessError } from '../errors';
import { register } from '../serialization';

/** The name of a signal. */
function signalName(number: number): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, each]) => each === number);
  return (found?.[0] as NodeJS.Signals | undefined) ?? null;
}

/** The worker of a task ended before the task did. */
export class WorkerDiedError extends ProcessError {
  static {
    this.prototype.name = 'WorkerDiedError';
  }
  readonly pid: number;
  /** As Process.exitcode: -N after signal N. */
  readonly exitcode: number;
  /** The signal that killed it, if one did. */
  readonly signal: NodeJS.Signals | null;

  constructor(pid: number, exitcode: number) {
    const signal = exitcode < 0 ? signalName(-exitcode) : null;
    const how = signal === null ? `with exit code ${exitcode}` : `by ${signal}`;
    super(`Process ${pid} terminated abruptly ${how}`);
    this.pid = pid;
    this.exitcode = exitcode;
    this.signal = signal;
  }
}

/** The pool was terminated before the task ended. */
export class PoolTerminatedError extends ProcessError {
  static {
    this.prototype.name = 'PoolTerminatedError';
  }
}

/** A result that cannot cross: multiprocessing.pool.MaybeEncodingError. */
export class MaybeEncodingError extends Error {
  static {
    this.prototype.name = 'MaybeEncodingError';
  }
  /** The texts of the reason and of the result. */
  readonly exc: string;
  readonly value: string;

  constructor(exc: string, value: string) {
    super(`Error sending result: '${value}'. Reason: '${exc}'`);
    this.exc = exc;
    this.value = value;
  }
}

for (const Class of [WorkerDiedError, PoolTerminatedError, MaybeEncodingError]) {
  register(Class, { name: `multiproc.${Class.name}` });
}

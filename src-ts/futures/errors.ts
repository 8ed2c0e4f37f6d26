/** What futures and executors may fail with: concurrent.futures of Python. */

import { RuntimeError } from '../errors';
import type { WorkerDiedError } from '../pool/errors';
import { register } from '../serialization';

/** The future was cancelled. */
export class CancelledError extends Error {
  static {
    this.prototype.name = 'CancelledError';
  }
}

/** The state of the future does not allow it. */
export class InvalidStateError extends Error {
  static {
    this.prototype.name = 'InvalidStateError';
  }
}

/** The executor can do no more. */
export class BrokenExecutor extends RuntimeError {
  static {
    this.prototype.name = 'BrokenExecutor';
  }
}

/**
 * A worker ended before the future did, or the pool cannot have workers. `cause` tells of the worker,
 * and so do `pid`, `exitcode` and `signal`.
 */
export class BrokenProcessPool extends BrokenExecutor {
  static {
    this.prototype.name = 'BrokenProcessPool';
  }
  readonly pid: number | null = null;
  readonly exitcode: number | null = null;
  readonly signal: NodeJS.Signals | null = null;

  static becauseOf(cause: WorkerDiedError): BrokenProcessPool {
    const text =
      'A process in the process pool was terminated abruptly while the future was running or pending.';
    const { pid, exitcode, signal } = cause;
    return Object.assign(new BrokenProcessPool(text, { cause }), { pid, exitcode, signal });
  }

  static withoutWorker(cause: unknown): BrokenProcessPool {
    return new BrokenProcessPool('A replacement worker process could not be started', { cause });
  }

  static byForce(): BrokenProcessPool {
    return new BrokenProcessPool(
      'A worker process exited while the pool was being forcefully shut down; the future was not done',
    );
  }

  static forGood(cause: unknown): BrokenProcessPool {
    const text = 'A child process terminated abruptly, the process pool is not usable anymore';
    return new BrokenProcessPool(text, { cause });
  }
}

for (const Class of [CancelledError, InvalidStateError, BrokenExecutor, BrokenProcessPool]) {
  register(Class, { name: `multiproc.${Class.name}` });
}

/** A child made by fork(2), seen from its parent: CPython's popen_fork.py. */

import { constants } from 'node:os';

import { ChildProcessError, ProcessLookupError, RuntimeError } from '../errors';
import { forkInto } from '../fork';
import { posix, type Watch } from '../native';
import { exitcodeOf, WNOHANG } from '../wait-status';
import { makeLifeline, type Sentinel } from './sentinel';

/** The exit code of a child that somebody else waited for, as in CPython's forkserver. */
const UNKNOWN_EXITCODE = 255;

interface Waiter {
  resolve: () => void;
  timer: NodeJS.Timeout | undefined;
}

export class Popen {
  readonly pid: number;
  readonly sentinel: Sentinel;
  #returncode: number | null = null;
  readonly #waiters = new Set<Waiter>();
  #watch: Watch | undefined;

  /**
   * Forks. `main` is called in the child, with what tells it of the parent's end.
   * @param kept Descriptors whose sockets stay alive in the child.
   */
  constructor(main: (parent: Sentinel) => void, kept: readonly number[]) {
    const lifeline = makeLifeline();
    try {
      this.pid = forkInto(() => main(lifeline.ofParent()), kept);
    } catch (error) {
      lifeline.cut();
      throw error;
    }
    this.sentinel = lifeline.ofChild(this.pid);
  }

  /** The exit code, or null while the child runs. Reaps it; waits for it unless WNOHANG is set. */
  poll(options: number = WNOHANG): number | null {
    if (this.#returncode !== null) return this.#returncode;
    try {
      const [pid, status] = posix.waitpid(this.pid, options);
      if (pid === this.pid) this.#returncode = exitcodeOf(status);
    } catch (error) {
      if (!(error instanceof ChildProcessError)) throw error;
      this.#returncode = UNKNOWN_EXITCODE;
    }
    return this.#returncode;
  }

  /** Blocks until the child has ended, for `timeout` seconds at most; null: for ever. */
  wait(timeout: number | null): number | null {
    if (this.#returncode !== null) return this.#returncode;
    if (timeout !== null && !this.sentinel.wait(timeout)) return null;
    return this.poll(timeout === 0 ? WNOHANG : 0);
  }

  /** Like wait(), without blocking the event loop, which it keeps alive. */
  async waitAsync(timeout: number | null): Promise<number | null> {
    if (this.poll() === null) await new Promise<void>((resolve) => this.#enqueue(resolve, timeout));
    return this.poll();
  }

  #enqueue(resolve: () => void, timeout: number | null): void {
    const waiter: Waiter = { resolve, timer: undefined };
    this.#waiters.add(waiter);
    if (timeout !== null) {
      waiter.timer = setTimeout(() => this.#dequeue(waiter), Math.max(timeout, 0) * 1000);
    }
    const onEnd = (): void => {
      this.#watch = undefined;
      this.poll(0);
      for (const each of this.#waiters) this.#dequeue(each);
    };
    this.#watch ??= posix.watch(this.sentinel.fd, onEnd, posix.POLLIN);
  }

  #dequeue(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0 && this.#watch !== undefined) {
      posix.unwatch(this.#watch);
      this.#watch = undefined;
    }
    waiter.resolve();
  }

  /** Sends a signal, unless the child was reaped: its pid may be somebody else's by now. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): void {
    if (this.#returncode !== null) return;
    try {
      posix.kill(this.pid, constants.signals[name]);
    } catch (error) {
      if (!(error instanceof ProcessLookupError)) throw error;
    }
  }

  close(): void {
    if (this.#watch !== undefined) throw new RuntimeError('somebody waits for this process');
    this.sentinel.close();
  }
}

/**
 * A descriptor that becomes readable when a process has ended: a pidfd, or where the kernel has
 * none, one end of a socket pair whose other end only that process holds.
 */

import { registerAtFork } from '../at-fork';
import { posix } from '../native';

/** Closes the descriptors of those that nobody closed. */
const closer = new FinalizationRegistry<number>((fd) => posix.close(fd));
/** Those of this process. A child has no use for them, and the other side would not see an end. */
const open = new Set<WeakRef<Sentinel>>();

export class Sentinel {
  readonly fd: number;
  #closed = false;
  readonly #self = new WeakRef(this);

  constructor(fd: number) {
    this.fd = fd;
    closer.register(this, fd, this);
    open.add(this.#self);
  }

  /** Waits until the process has ended, for so many seconds; false when the time is over. */
  wait(timeout: number): boolean {
    return posix.poll(Int32Array.of(this.fd, posix.POLLIN), timeout) > 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closer.unregister(this);
    open.delete(this.#self);
    posix.close(this.fd);
  }
}

/** Whether the kernel has pidfd_open(2): Linux from 5.3, if no sandbox forbids it. */
export const hasPidfd = ((): boolean => {
  if (process.env['MULTIPROC_NO_PIDFD']) return false;
  try {
    posix.close(posix.pidfdOpen(posix.getpid()));
    return true;
  } catch {
    return false;
  }
})();

/** Before a fork: what parent and child will know each other's end by. */
export interface Lifeline {
  /** In the parent: readable when the child has ended. */
  ofChild(pid: number): Sentinel;
  /** In the child: readable when the parent has ended. */
  ofParent(): Sentinel;
  /** The fork failed. */
  cut(): void;
}

export function makeLifeline(): Lifeline {
  return hasPidfd ? pidfdLifeline() : socketLifeline();
}

/** This process's own, for its children: one that they opened might be of another process by then. */
let self: { pid: number; fd: number } | undefined;

function pidfdLifeline(): Lifeline {
  const pid = posix.getpid();
  if (self?.pid !== pid) self = { pid, fd: posix.pidfdOpen(pid) };
  const parent = self.fd;
  return {
    ofChild: (pid) => new Sentinel(posix.pidfdOpen(pid)),
    ofParent: () => new Sentinel(parent),
    cut: () => {},
  };
}

function socketLifeline(): Lifeline {
  const [mine, theirs] = posix.socketpair();
  const keep = (fd: number, other: number): Sentinel => {
    posix.close(other);
    return new Sentinel(fd);
  };
  return {
    ofChild: () => keep(mine, theirs),
    ofParent: () => keep(theirs, mine),
    cut: () => keep(mine, theirs).close(),
  };
}

registerAtFork({
  child() {
    for (const reference of open) reference.deref()?.close();
    open.clear();
  },
});

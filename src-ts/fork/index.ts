/**
 * Forks this process: the child runs one function on a clean event loop, with nothing of what the
 * parent had pending. docs/fork.md tells the story.
 */

import { AsyncResource } from 'node:async_hooks';

import { runHooks } from '../at-fork';
import { type ForkAddon, forker } from '../native';
import { removeListeners } from './listeners';
import { disarmPending, ignoringLeftovers, promisesAreTracked } from './pending';
import { captureUncaught } from './uncaught';
import './identity';
import './random';
import './stdio';
import './connections';
import './coverage';

const nothing = (): void => {};

/**
 * fork(2). Returns the child's pid, in the parent only; the child calls `main`.
 * @param main What the child does. It runs in the AsyncLocalStorage context of this call.
 * @param kept Descriptors whose sockets and servers stay alive in the child.
 * @throws OSError (EAGAIN at the limit of processes, ENOMEM)
 */
export function forkInto(main: () => void, kept: readonly number[]): number {
  const addon = forker();
  runHooks('before');
  // Everything that exists now has an id not above this one's.
  const border = new AsyncResource('multiproc.fork');
  const tracked = promisesAreTracked();
  let pid: number;
  try {
    pid = addon.fork(nothing, kept);
    if (pid === 0) becomeChild(main, border, tracked);
  } finally {
    // Never in the child, whose stack ends without it.
    runHooks('parent');
  }
  return pid;
}

/** In the child, in the middle of the parent's stack. */
function becomeChild(main: () => void, border: AsyncResource, tracked: boolean): never {
  const addon: ForkAddon = forker();
  removeListeners();
  disarmPending(border, tracked);
  captureUncaught(nothing);
  addon.clearAsyncIds(() => {
    throw new Error('clears the stack of asynchronous ids');
  });
  const settle = ignoringLeftovers();
  addon.unwind(
    nothing,
    () => {
      settle();
      captureUncaught(null);
      border.runInAsyncScope(() => {
        runHooks('child');
        main();
      });
    },
    nothing,
  );
}

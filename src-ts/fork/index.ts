/**
 * Forks this process: the child runs one function on a clean event loop, with nothing of what the
 * parent had pending. docs/fork.md tells the story.
 */

import { executionAsyncId } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';
import { inspect } from 'node:util';

import { runHooks } from '../at-fork';
import { fork, type ForkAddon, forker, posix } from '../native';
import { removeListeners } from './listeners';
import { main } from '../realm';
import { Border, disarmPending, ignoringLeftovers, promisesAreTracked } from './pending';
import { rehearse } from './rehearsal';
import { replaceAll } from './replace';
import { abandonWasm } from './wasm';
import './identity';
import './random';
import './stdio';
import './connections';
import './coverage';
import './exit';
import './watches';

const nothing = (): void => {};

/**
 * fork(2). Returns the child's pid, in the parent only; the child calls `child`.
 * @param child What the child does. It runs in the AsyncLocalStorage context of this call.
 * @param kept Descriptors whose sockets and servers stay alive in the child.
 * @throws OSError (EAGAIN at the limit of processes, ENOMEM)
 */
export function forkInto(child: () => void, kept: readonly number[]): number {
  rehearse();
  let pid: number;
  try {
    runHooks('before');
    const border = new Border();
    const tracked = promisesAreTracked();
    pid = fork(nothing, kept);
    if (pid === 0) becomeChildOrEnd(child, border, tracked);
  } finally {
    // Never in the child, whose stack ends without it.
    runHooks('parent');
  }
  return pid;
}

/** In the child, where an error must not reach the code of the parent's that called start(). */
function becomeChildOrEnd(child: () => void, border: Border, tracked: boolean): never {
  try {
    return becomeChild(child, border, tracked);
  } catch (error) {
    posix.writeAll(2, Buffer.from(`multiproc: ${inspect(error)}\n`));
    return posix.exit(1);
  }
}

/** In the child, in the middle of the parent's stack. */
function becomeChild(child: () => void, border: Border, tracked: boolean): never {
  const addon: ForkAddon = forker();
  removeListeners();
  abandonWasm();
  disarmPending(border, tracked);
  // Native code enters and leaves the main script; anything else is a callback's.
  const inScript = executionAsyncId() === MAIN_SCRIPT;
  if (!inScript) clearAsyncIds(addon);
  const settle = ignoringLeftovers();
  addon.unwind(
    nothing,
    () => {
      settle();
      border.resource.runInAsyncScope(() => {
        replaceAll();
        // `import { pid } from 'node:process'` is a copy.
        syncBuiltinESMExports();
        runHooks('child');
        child();
      });
    },
    nothing,
    inScript,
  );
}

/** The asynchronous id of the main script. */
const MAIN_SCRIPT = 1;

/**
 * Callbacks of timers, immediates and ticks are entered and left by JavaScript, which the end of
 * the stack leaves out. Node clears its stack of ids when an uncaught error is handled.
 */
function clearAsyncIds(addon: ForkAddon): void {
  main.process.setUncaughtExceptionCaptureCallback(nothing);
  addon.clearAsyncIds(() => {
    // No Error: nobody needs its stack.
    throw undefined; // eslint-disable-line @typescript-eslint/only-throw-error
  });
  main.process.setUncaughtExceptionCaptureCallback(null);
}

/** The parent's timers, immediates and ticks, and promises whose rejection it has yet to report. */

import {
  type AsyncHook,
  type AsyncResource,
  createHook,
  executionAsyncResource,
} from 'node:async_hooks';

import { forker } from '../native';
import { main } from '../realm';

/** The objects that Node's queues hold: lib/internal/timers.js and task_queues.js. */
interface Pending {
  _onTimeout?: ((...args: unknown[]) => void) | null;
  _onImmediate?: (() => void) | null;
  callback?: () => void;
  args?: unknown;
}

const nothing = (): void => {};

let hook: AsyncHook | undefined;

/** Whether somebody follows promises by async_hooks (AsyncLocalStorage does before Node 24). */
export function promisesAreTracked(): boolean {
  return Object.getOwnPropertySymbols(Promise.resolve()).length > 0;
}

/**
 * Makes sure that no callback which existed at the fork runs here. Node's queues cannot be
 * emptied from outside, but a hook runs just before each callback and can take it away.
 */
export function disarmPending(border: AsyncResource, tracked: boolean): void {
  const last = border.asyncId();
  // A grandchild inherits its parent's hook, whose border is the older one.
  hook?.disable();
  hook = createHook({
    before(id) {
      if (id <= last) disarm(executionAsyncResource());
    },
  }).enable();
  // The hook is for callbacks; following promises as well would slow every `await`.
  if (!tracked) forker().stopPromiseHooks();
}

function disarm(pending: Pending): void {
  if (typeof pending._onTimeout === 'function') {
    disarmTimer(pending, pending._onTimeout);
  } else if (typeof pending._onImmediate === 'function') {
    pending._onImmediate = nothing;
  } else if (typeof pending.callback === 'function' && 'args' in pending) {
    pending.callback = nothing;
  }
}

/** A timer of the parent's that the child starts again by refresh() is the child's: it works. */
function disarmTimer(timer: Pending, callback: (...args: unknown[]) => void): void {
  clearTimeout(timer as NodeJS.Timeout);
  let parents = true;
  timer._onTimeout = function (this: unknown, ...args) {
    if (!parents) Reflect.apply(callback, this, args);
    parents = false;
  };
}

/** Rejections that the parent has yet to report are not the child's. Returns the end of it. */
export function ignoringLeftovers(): () => void {
  main.process.on('unhandledRejection', nothing);
  // For --unhandled-rejections=strict.
  main.process.on('uncaughtException', nothing);
  return () => {
    main.process.off('unhandledRejection', nothing);
    main.process.off('uncaughtException', nothing);
  };
}

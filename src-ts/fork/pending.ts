/** The parent's timers, immediates and ticks, and promises whose rejection it has yet to report. */

import {
  type AsyncHook,
  AsyncResource,
  createHook,
  executionAsyncResource,
} from 'node:async_hooks';
import { clearTimeout, setTimeout } from 'node:timers';

import { forker } from '../native';
import { main } from '../realm';

/** The objects that Node's queues hold: lib/internal/timers.js and task_queues.js. */
interface Pending {
  /** Milliseconds on the event loop's clock. */
  _idleStart?: number;
  _repeat?: number | null;
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

/** What tells the parent's pending callbacks from the child's: made just before the fork. */
export class Border {
  /** Nothing of the parent's has a greater id. Keeps the context of AsyncLocalStorage. */
  readonly resource = new AsyncResource('multiproc.fork');
  /** No timer of the parent's was started later. */
  readonly time: number;

  constructor() {
    const timer = setTimeout(nothing, 1e6);
    this.time = (timer as Pending)._idleStart!;
    clearTimeout(timer);
  }
}

/**
 * Makes sure that no callback which existed at the fork runs here. Node's queues cannot be
 * emptied from outside, but a hook runs just before each callback and can take it away.
 */
export function disarmPending(border: Border, tracked: boolean): void {
  const last = border.resource.asyncId();
  // A grandchild inherits its parent's hook, whose border is the older one.
  hook?.disable();
  hook = createHook({
    before(id) {
      if (id <= last) disarm(executionAsyncResource(), border.time);
    },
  }).enable();
  // The hook is for callbacks; following promises as well would slow every `await`.
  if (!tracked) forker().stopPromiseHooks();
}

function disarm(pending: Pending, forkTime: number): void {
  if (typeof pending._onTimeout === 'function') {
    // What the child has started again by refresh() is the child's.
    if (pending._idleStart! <= forkTime) disarmTimer(pending, pending._onTimeout);
  } else if (typeof pending._onImmediate === 'function') {
    pending._onImmediate = nothing;
  } else if (typeof pending.callback === 'function' && 'args' in pending) {
    pending.callback = nothing;
  }
}

/** Once: the child may still start it. */
function disarmTimer(timer: Pending, callback: (...args: unknown[]) => void): void {
  // Not cleared: that would also be the end of refresh().
  timer._repeat = null;
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

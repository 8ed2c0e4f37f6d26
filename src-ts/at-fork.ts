/** Hooks around a fork: os.register_at_fork of Python. */

import { expected } from './errors';

export interface AtForkHooks {
  /** In the parent, just before the fork. An error ends `start()`, and nothing is forked. */
  before?: () => void;
  /** In the parent, after the fork, also when it failed. */
  parent?: () => void;
  /** In the child, on its clean event loop, before the target. */
  child?: () => void;
}

type Moment = keyof AtForkHooks;

const moments: readonly Moment[] = ['before', 'parent', 'child'];
const registered: Readonly<Record<Moment, (() => void)[]>> = { before: [], parent: [], child: [] };

/**
 * Registers functions to be called when this process forks by `Process.start()`; they stay
 * registered in the children. Like Python's, `before` runs in the reverse order of registration,
 * `parent` and `child` in the order of registration.
 *
 * @throws TypeError if no hook is given, or one is not a function.
 * @see https://docs.python.org/3/library/os.html#os.register_at_fork
 */
export function registerAtFork(hooks: AtForkHooks): void {
  const given = moments.filter((moment) => hooks[moment] !== undefined);
  if (given.length === 0) throw new TypeError('At least one of before, parent, child is required');
  for (const moment of given) {
    if (typeof hooks[moment] !== 'function') {
      throw new TypeError(expected('a function', moment, hooks[moment]));
    }
  }
  for (const moment of given) registered[moment].push(hooks[moment]!);
}

export function runHooks(moment: Moment): void {
  const hooks = registered[moment];
  for (const hook of moment === 'before' ? hooks.toReversed() : hooks) hook();
}

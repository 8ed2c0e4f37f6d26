/** What pools and executors check alike. */

import { availableParallelism } from 'node:os';

import { checkedIterable } from '../arguments';
import { expected, ValueError } from '../errors';
import type { TaskFunction } from './functions';
import type { Initializer } from './worker';

/**
 * The number of workers; by default that of the processors that this process may use.
 * @param tooFew What a ValueError says.
 */
export function checkedWorkers(name: string, workers: unknown, tooFew: string): number {
  if (workers == null) return availableParallelism();
  if (!Number.isInteger(workers)) throw new TypeError(expected('an integer', name, workers));
  if ((workers as number) < 1) throw new ValueError(tooFew);
  return workers as number;
}

export function checkedInitializer(initializer: unknown, initargs: unknown): Initializer {
  if (initializer != null && typeof initializer !== 'function') {
    throw new TypeError('initializer must be a callable');
  }
  return {
    initializer: (initializer as TaskFunction | null | undefined) ?? null,
    initargs: [...checkedIterable('initargs', initargs ?? [])],
  };
}

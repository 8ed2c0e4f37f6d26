/** How quick the calls of each function are, and so how many a worker is given at a time. */

import type { TaskFunction } from './functions';

/** As many as keep it busy for so many microseconds. */
const ADVANCE = 1000;
const MOST_IN_ADVANCE = 128;

export class Pace {
  /** Microseconds; of late calls more than of early ones. */
  readonly #averages = new WeakMap<TaskFunction, number>();

  note(call: TaskFunction, microseconds: number): void {
    const average = this.#averages.get(call) ?? microseconds;
    this.#averages.set(call, Math.max((3 * average + microseconds) / 4, 1));
  }

  /** How many calls a worker may have at a time: one, until it is known how long they take. */
  depthFor(call: TaskFunction): number {
    const average = this.#averages.get(call);
    if (average === undefined) return 1;
    return Math.min(Math.max(Math.floor(ADVANCE / average), 1), MOST_IN_ADVANCE);
  }
}

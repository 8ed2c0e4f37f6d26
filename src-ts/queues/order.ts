/** Asynchronous puts of one process happen in the order in which they were asked for. */

import { ownPid } from '../native';
import { now } from '../synchronize/words';

export class Order {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Whose promises they are: in a child its parent's never settle. */
  #pid = ownPid;

  /** Whether nobody waits. */
  get isFree(): boolean {
    return this.#waiting === 0 || this.#pid !== ownPid;
  }

  /**
   * Calls the operation when those before are done.
   * @param seconds How long it may take in all; the operation gets what is left of them.
   * @returns What the operation does; false if its turn does not come in time.
   */
  async inTurn(seconds: number, operation: (left: number) => Promise<boolean>): Promise<boolean> {
    if (this.isFree) this.#begin();
    const end = now() + seconds;
    const before = this.#last;
    let leave = (): void => undefined;
    this.#last = new Promise((resolve) => (leave = resolve));
    this.#waiting += 1;
    try {
      if (!(await settlesWithin(before, seconds))) return false;
      return await operation(Math.max(end - now(), 0));
    } finally {
      this.#waiting -= 1;
      // Who gave up lets nobody pass those before.
      void before.then(leave);
    }
  }

  #begin(): void {
    this.#last = Promise.resolve();
    this.#waiting = 0;
    this.#pid = ownPid;
  }
}

async function settlesWithin(promise: Promise<void>, seconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    if (seconds < Infinity) timer = setTimeout(resolve, seconds * 1000, false);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

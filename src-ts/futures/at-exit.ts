/** The end of a program waits for the futures of executors, as that of Python does. */

import { registerAtFork } from '../at-fork';
import { atExit } from '../exit';
import type { Crew } from '../pool/crew';
import { driveAtEnd } from '../pool/drive';

/** Before children are waited for and workers ended. */
const FUTURES_IN_TIME = 10;

/** Those with futures that are not done. */
export const unfinished = new Set<Crew>();

let registered = false;
let ending = false;

/** Has the end of this process wait. */
export function atEnd(): void {
  if (registered) return;
  registered = true;
  atExit(FUTURES_IN_TIME, finish);
}

/** Whether this process ends: nothing new can be begun. */
export function isEnding(): boolean {
  return ending;
}

function finish(): void {
  ending = true;
  driveAtEnd(unfinished, () => unfinished.size === 0);
}

registerAtFork({
  child() {
    unfinished.clear();
    registered = false;
    ending = false;
  },
});

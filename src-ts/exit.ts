/**
 * What a process does at its end, in order: CPython's util.Finalize with an exitpriority. A child has
 * none of what its parent has registered.
 */

import { registerAtFork } from './at-fork';
import { main } from './realm';

interface ExitFunction {
  priority: number;
  call: () => void;
}

let functions: ExitFunction[] = [];

/** Calls the function when this process exits, those of higher priority before. */
export function atExit(priority: number, call: () => void): void {
  if (functions.length === 0) main.process.on('exit', runExitFunctions);
  functions.push({ priority, call });
}

function runExitFunctions(): void {
  // One may register another.
  while (functions.length > 0) {
    const [first] = functions.sort((a, b) => b.priority - a.priority);
    functions = functions.filter((each) => each !== first);
    first!.call();
  }
}

registerAtFork({
  child() {
    functions = [];
  },
});

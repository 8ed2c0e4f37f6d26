/** The parent's listeners on `process`: for exit, signals, uncaught errors, messages. */

import { main } from '../realm';

/** Node's own: they make listening for a signal work, and print warnings. */
const nodesOwn: ReadonlySet<string | symbol> = new Set([
  'newListener',
  'removeListener',
  'warning',
]);

export function removeListeners(): void {
  for (const event of main.process.eventNames()) {
    if (!nodesOwn.has(event)) main.process.removeAllListeners(event);
  }
  if (main.process.hasUncaughtExceptionCaptureCallback()) {
    main.process.setUncaughtExceptionCaptureCallback(null);
  }
}

/** The process-wide catcher of uncaught errors, which the boot of a child borrows. */

import { main } from '../realm';

/** Replaces whatever catcher there is; null removes it. */
export function captureUncaught(catcher: (() => void) | null): void {
  main.process.setUncaughtExceptionCaptureCallback(null);
  if (catcher !== null) main.process.setUncaughtExceptionCaptureCallback(catcher);
}

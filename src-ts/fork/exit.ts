/**
 * The end of a child. Node's own runs handlers first, of which the inspector's uses a thread that does
 * not exist there.
 */

import { forker } from '../native';
import { main } from '../realm';
import { replaceInChildren } from './replace';

/** What process.exit() calls after the listeners. */
export const reallyExit: PropertyDescriptor = {
  value: (code: unknown) => forker().exit(Number(code ?? 0) & 0xff),
  writable: true,
};

replaceInChildren(main.process, 'reallyExit', reallyExit);

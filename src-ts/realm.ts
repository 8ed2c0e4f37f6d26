/**
 * The globals of the process. A module may run in a context of its own (Jest gives each test file
 * one), whose `process` is a copy that gets no events: what concerns the process is done to the
 * original, what concerns the user's code is done to both.
 */

import { posix } from './native';

/** The main context's globals. */
export const main = posix.global;

/** Every set of globals that the user's code may see. */
export const realms: readonly (typeof globalThis)[] =
  main === globalThis ? [main] : [main, globalThis];

/** What the C library does with memory that is freed. */

import { posix } from '../native';

/** Smaller pieces the C library keeps anyway. */
export const MAPPED = 128 * 1024;
const KEPT = 16 * 1024 * 1024;

let done = false;

/**
 * Has pieces of up to 16 MiB, and up to twice as much in all, kept for what is allocated next. Where
 * such pieces come and go, each of their pages would be a page fault each time.
 * @see https://man7.org/linux/man-pages/man3/mallopt.3.html
 */
export function keepFreedMemory(): void {
  if (done) return;
  done = true;
  posix.keepFreedMemory(KEPT);
}

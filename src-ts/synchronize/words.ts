/** Waiting for a word of shared memory to change. */

import { step, type Steps } from '../blocking';
import { posix } from '../native';

/** Seconds after which a waiter looks whether the one who should wake it was killed. */
export const NAP = 0.5;

/** Seconds on the monotonic clock. */
export const now = (): number => performance.now() / 1000;

/** Waits while words[index] is `value`, for so many seconds at most; false when the time is over. */
export function* waitForChange(
  words: Int32Array,
  index: number,
  value: number,
  seconds: number,
): Steps<boolean> {
  const end = now() + seconds;
  for (let left = seconds; ; left = end - now()) {
    if (Atomics.load(words, index) !== value) return true;
    if (left <= 0) return false;
    const time = Math.min(left, NAP);
    yield* step<unknown>({
      sync: () => posix.waitWhile(words, index, value, time),
      async: () => posix.waitWhileAsync(words, index, value, time),
    });
  }
}

/** Timers of any length. */

/** setTimeout() takes no more milliseconds: about 24 days. */
const LONGEST = 2 ** 31 - 1;

/** Calls back after so many seconds, or after 24 days. */
export function afterSeconds(seconds: number, call: () => void): NodeJS.Timeout {
  return setTimeout(call, Math.min(Math.max(seconds, 0) * 1000, LONGEST));
}

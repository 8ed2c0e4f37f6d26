/** What many functions ask of their arguments. */

import { expected } from './errors';

/** Checks an integer. */
export function checkedInteger(name: string, value: unknown): number {
  if (!Number.isInteger(value)) throw new TypeError(expected('an integer', name, value));
  return value as number;
}

/** Checks a number of seconds; null, undefined and Infinity mean for ever, negative ones count as 0. */
export function checkedTimeout(timeout: unknown): number | null {
  if (timeout == null) return null;
  if (typeof timeout !== 'number' || Number.isNaN(timeout)) {
    throw new TypeError(expected('a number of seconds or null', 'timeout', timeout));
  }
  return timeout === Infinity ? null : Math.max(timeout, 0);
}

/** An options object without misspelled names. */
export function withKnownNames<Options extends object>(
  owner: string,
  options: Options,
  known: readonly string[],
): Options {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return options;
  throw new TypeError(
    `${owner}() got an unexpected option '${unknown}': it takes ${known.join(', ')}`,
  );
}

/** Whether a constructor was given one options object, or nothing. */
export function isOptions(given: readonly unknown[]): given is [object?] {
  const [first] = given;
  return given.length === 0 || (given.length === 1 && typeof first === 'object' && first !== null);
}

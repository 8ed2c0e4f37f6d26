/** What many functions ask of their arguments. */

import { expected } from './errors';

/** Checks an integer. */
export function checkedInteger(name: string, value: unknown): number {
  if (!Number.isInteger(value)) throw new TypeError(expected('an integer', name, value));
  return value as number;
}

/** Checks an iterable. */
export function checkedIterable(name: string, value: unknown): Iterable<unknown> {
  if (typeof (value as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== 'function') {
    throw new TypeError(expected('an iterable', name, value));
  }
  return value as Iterable<unknown>;
}

/** Checks a boolean. */
export function checkedBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(expected('a boolean', name, value));
  return value;
}

/** Checks a number of seconds; null, undefined and Infinity mean for ever, negative ones count as 0. */
export function checkedTimeout(timeout: unknown): number | null {
  if (timeout == null) return null;
  if (typeof timeout !== 'number' || Number.isNaN(timeout)) {
    throw new TypeError(expected('a number of seconds or null', 'timeout', timeout));
  }
  return timeout === Infinity ? null : Math.max(timeout, 0);
}

/** What Python passes to acquire(), put() and get() by keyword. */
export interface BlockOptions {
  /** Whether to wait; without waiting the timeout is ignored. */
  block?: boolean;
  /** Seconds; null: for ever. */
  timeout?: number | null;
}

/** Seconds to wait: 0 without blocking, Infinity for ever. */
export function secondsToWait(block: boolean | BlockOptions | null, timeout: unknown): number {
  const isObject = typeof block === 'object' && block !== null;
  const options = isObject ? withKnownNames('options', block, BLOCK_OPTIONS) : { block, timeout };
  const blocking = checkedBoolean('block', options.block ?? true);
  const seconds = checkedTimeout(options.timeout);
  return blocking ? (seconds ?? Infinity) : 0;
}

const BLOCK_OPTIONS = ['block', 'timeout'];

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

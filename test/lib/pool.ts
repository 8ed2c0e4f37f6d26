/** What tests of pools share. */

import { readFileSync } from 'node:fs';

import { Pool, type PoolOptions } from 'multiproc';

export const square = (x: number): number => x * x;

/** 0, 1, 2 ... */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** A wait that takes the processor, or a part of it. */
export function sleep(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}

/** Calls with a pool, which is terminated afterwards. */
export async function withPool<Result>(
  options: number | PoolOptions,
  use: (pool: Pool) => Result,
): Promise<Awaited<Result>> {
  const pool = typeof options === 'number' ? new Pool(options) : new Pool(options);
  try {
    return await use(pool);
  } finally {
    pool.terminate();
  }
}

/** Ends with an error after some items. */
export function* failingAfter(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
  throw new SyntaxError('the input fails');
}

/** 0, 1, 2 ... without an end; counts how many were read. */
export function* endless(read: { count: number }): Generator<number> {
  for (;;) yield read.count++;
}

/** Whether it runs; what nobody has reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The error that a call throws. */
export function thrownBy(call: () => unknown): any {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** A generator of numbers below a limit that gives the same ones for the same seed. */
export function seeded(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

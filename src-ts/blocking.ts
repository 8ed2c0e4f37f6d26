/**
 * One algorithm for a method that blocks and for its `...Async` twin: a generator that yields the
 * operations that may block, which are done in the kernel or awaited.
 */

/** An operation that may block, both ways. */
export interface Blocking<T> {
  sync(): T;
  async(): Promise<T>;
}

export type Steps<T> = Generator<Blocking<unknown>, T, unknown>;

/** One step: the result of the operation. */
export function* step<T>(operation: Blocking<T>): Steps<T> {
  return (yield operation) as T;
}

/** Runs the steps to their end, blocking. */
export function runSync<T>(steps: Steps<T>): T {
  let next = steps.next();
  while (!next.done) {
    let result: unknown;
    try {
      result = next.value.sync();
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(result);
  }
  return next.value;
}

/** Runs the steps to their end on the event loop. */
export async function runAsync<T>(steps: Steps<T>): Promise<T> {
  let next = steps.next();
  while (!next.done) {
    let result: unknown;
    try {
      result = await next.value.async();
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(result);
  }
  return next.value;
}

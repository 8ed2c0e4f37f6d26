/** Future, wait() and asCompleted(), without and with an executor. */

import { inspect } from 'node:util';

import { futures, InvalidStateError, ProcessPoolExecutor } from 'multiproc';
import * as subpath from 'multiproc/futures';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';

const { asCompleted, FIRST_COMPLETED, FIRST_EXCEPTION, Future, wait } = futures;

let executor: ProcessPoolExecutor;
beforeAll(() => {
  executor = new ProcessPoolExecutor(2);
});
afterAll(() => {
  executor.shutdown();
  expectNoChildren();
});

function finished<T>(value: T): InstanceType<typeof Future<T>> {
  const future = new Future<T>();
  future.setResult(value);
  return future;
}

function failedWith(error: Error): InstanceType<typeof Future> {
  const future = new Future();
  future.setException(error);
  return future;
}

function running(): InstanceType<typeof Future> {
  const future = new Future();
  future.setRunningOrNotifyCancel();
  return future;
}

test('the subpath and the namespace have the same names', () => {
  expect(Object.keys(subpath).sort()).toEqual(Object.keys(futures).sort());
});

test('C297: an error in one callback does not keep the others from being called', () => {
  const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const called: number[] = [];
  const future = new Future();
  future.addDoneCallback(() => called.push(1));
  future.addDoneCallback(() => {
    throw new Error('callback');
  });
  future.addDoneCallback((it) => called.push(it === future ? 2 : -1));
  future.setResult(0);
  expect(called).toEqual([1, 2]);
  printed.mockRestore();
});

test('C298: a callback that is added late is called at once', () => {
  const called: string[] = [];
  finished(1).addDoneCallback(() => called.push('result'));
  failedWith(new Error('x')).addDoneCallback(() => called.push('error'));
  const cancelled = new Future();
  cancelled.cancel();
  cancelled.addDoneCallback(() => called.push('cancelled'));
  expect(called).toEqual(['result', 'error', 'cancelled']);
});

test('C301, C302: what can be cancelled, and the predicates of each state', () => {
  const predicates = (future: InstanceType<typeof Future>): boolean[] => [
    future.cancelled(),
    future.running(),
    future.done(),
  ];
  const pending = new Future();
  expect(predicates(pending)).toEqual([false, false, false]);
  expect([pending.cancel(), pending.cancel()]).toEqual([true, true]);
  expect(predicates(pending)).toEqual([true, false, true]);
  const busy = running();
  expect(busy.cancel()).toBe(false);
  expect(predicates(busy)).toEqual([false, true, false]);
  expect([finished(1).cancel(), failedWith(new Error('x')).cancel()]).toEqual([false, false]);
  expect(predicates(finished(1) as InstanceType<typeof Future>)).toEqual([false, false, true]);
});

test('C303: result() and exception() with a timeout', () => {
  for (const future of [new Future(), running()]) {
    expect(errorOf(() => future.result(0.01))).toMatch(/^TimeoutError/);
    expect(errorOf(() => future.exception(0))).toMatch(/^TimeoutError/);
  }
  const cancelled = new Future();
  cancelled.cancel();
  expect(errorOf(() => cancelled.result())).toMatch(/^CancelledError/);
  const error = new Error('stored');
  expect(failedWith(error).exception()).toBe(error);
  expect(() => failedWith(error).result()).toThrow(error);
  expect([finished(7).result(), finished(7).exception()]).toEqual([7, null]);
});

test('C305: a second result is an InvalidStateError, and the first one stays', () => {
  const future = finished(1);
  expect(() => future.setResult(2)).toThrow(InvalidStateError);
  expect(errorOf(() => future.setException(new Error('x')))).toMatch(
    /^InvalidStateError: FINISHED: <Future at 0x[0-9a-f]+ state=finished returned number>$/,
  );
  expect(future.result()).toBe(1);
  expect(inspect(new Future())).toMatch(/state=pending>$/);
});

test('C306, C311: wait() returns each future once, of any end', () => {
  const all = [finished(1), finished(2)];
  const { done, notDone } = wait([...all, ...all], patience);
  expect([done.size, notDone.size]).toEqual([2, 0]);
  expect(wait([new Future()], 0).notDone.size).toBe(1);
  expect(errorOf(() => wait([], 0, 'x' as typeof futures.ALL_COMPLETED))).toBe(
    "ValueError: Invalid return condition: 'x'",
  );
});

test('C307, C309, C310: wait() for the first one, and for the first error', () => {
  const slow = executor.submit(() => new Promise((resolve) => setTimeout(resolve, 300)));
  const quick = executor.submit((x: number) => x, 1);
  const first = wait<unknown>([slow, quick], patience, FIRST_COMPLETED);
  expect([...first.done]).toEqual([quick]);
  const bad = executor.submit(() => {
    throw new RangeError('bad');
  });
  const failed = wait<unknown>([slow, quick, bad], patience, FIRST_EXCEPTION);
  expect(failed.done).toContain(bad);
  expect(wait<unknown>([slow, bad], patience, FIRST_EXCEPTION).done).toContain(bad);
  expect(wait<unknown>([slow, quick, bad], patience).notDone.size).toBe(0);
});

test('C313: a hundred at once lose no wake-up', async () => {
  const all = Array.from({ length: 100 }, (_, i) => executor.submit((x: number) => x, i));
  const { done } = await futures.waitAsync(all, patience);
  expect([...done].map((future) => future.result()).sort((a, b) => a - b)).toEqual([
    ...Array(100).keys(),
  ]);
});

test('C314, C315, C318: asCompleted() gives those that are done, then a TimeoutError', async () => {
  const all = [finished(1), new Future<number>(), finished(2), new Future<number>()];
  const seen: number[] = [];
  const run = (): void => {
    for (const future of asCompleted(all, 0.05)) seen.push(future.result());
  };
  expect(errorOf(run)).toBe('TimeoutError: 2 (of 4) futures unfinished');
  expect(seen).toEqual([1, 2]);
  const real = [3, 1].map((x) => executor.submit((y: number) => y, x));
  const results: number[] = [];
  for await (const future of asCompleted(real, patience)) results.push(future.result());
  expect(results.sort()).toEqual([1, 3]);
});

test('a future can be awaited, and its error caught', async () => {
  await expect(executor.submit((x: number) => x + 1, 1)).resolves.toBe(2);
  const bad = executor.submit(() => {
    throw new RangeError('bad');
  });
  expect(await rejectionOf(Promise.resolve(bad))).toBe('RangeError: bad');
});

/** ProcessPoolExecutor: shutdown(), the end by force, the end of the program. */

import {
  activeChildren,
  BrokenProcessPool,
  Event,
  posix,
  ProcessPoolExecutor,
  Queue,
  Value,
} from 'multiproc';

import { errorOf, expectNoChildren, forever, patience, rejectionOf } from './lib/child';
import { type AnyFuture, identity, makeGate } from './lib/futures';
import { isAlive, numbers, sleep, square, thrownBy } from './lib/pool';
import { until } from './lib/run';
import { node } from './lib/signals';

afterEach(expectNoChildren);

const fail = (): never => {
  throw new RangeError('bad');
};

describe('shutdown()', () => {
  const over = 'RuntimeError: cannot schedule new futures after shutdown';

  test('C353: nothing can be submitted afterwards', async () => {
    for (const wait of [true, false]) {
      const executor = new ProcessPoolExecutor(1);
      const future = executor.submit(square, 3);
      executor.shutdown(wait);
      executor.shutdown(wait);
      expect(errorOf(() => executor.submit(square, 1))).toBe(over);
      expect(errorOf(() => executor.submitWith({}, square, 1))).toBe(over);
      expect(errorOf(() => executor.map(square, [1]))).toBe(over);
      expect(await future).toBe(9);
      await executor.shutdownAsync();
    }
  });

  test('waits until everything is done and the workers have ended', async () => {
    for (const shutdown of ['shutdown', 'shutdownAsync'] as const) {
      const executor = new ProcessPoolExecutor(2);
      const all = numbers(6).map(() => executor.submit(sleep, 0.01));
      await executor[shutdown]();
      expect(all.every((future) => future.done())).toBe(true);
      expect(activeChildren()).toEqual([]);
    }
  });

  test('it is disposable', async () => {
    const executor = new ProcessPoolExecutor(1);
    const future = executor.submit(square, 3);
    executor[Symbol.dispose]();
    expect([future.done(), errorOf(() => executor.submit(square, 1))]).toEqual([true, over]);
    const other = new ProcessPoolExecutor(1);
    const awaited = other.submit(square, 4);
    await other[Symbol.asyncDispose]();
    expect([awaited.result(0), errorOf(() => other.submit(square, 1))]).toEqual([16, over]);
  });

  // CPython's C350 is an invalid name of a private operation; this is what can be misspelled here.
  test('C350: unknown options are errors, and nothing is shut down', () => {
    const executor = new ProcessPoolExecutor(1);
    for (const wrong of [{ cancel_futures: true }, { Wait: false }]) {
      expect(errorOf(() => executor.shutdown(wrong as object))).toMatch(/^TypeError/);
      expect(errorOf(() => executor.shutdown(true, wrong as object))).toMatch(/^TypeError/);
    }
    expect(errorOf(() => executor.shutdown(1 as never))).toMatch(/^TypeError/);
    expect(executor.submit(square, 3).result(patience)).toBe(9);
    executor.shutdown();
  });

  test('C357: cancelFutures cancels what no worker has been given, and waits for the rest', () => {
    const executor = new ProcessPoolExecutor(5);
    const all = numbers(50).map(() => executor.submit(sleep, 0.05));
    executor.shutdown(true, { cancelFutures: true });
    const cancelled = all.filter((future) => future.cancelled());
    const others = all.filter((future) => !future.cancelled());
    expect(cancelled.length).toBeGreaterThan(20);
    expect(others.length).toBeGreaterThan(0);
    expect(others.every((future) => future.exception(0) === null)).toBe(true);
    expect(errorOf(() => cancelled[0]!.result(0))).toMatch(/^CancelledError/);
  });

  test('C359: with a future that was cancelled at once', async () => {
    for (const submitted of [1, 2]) {
      const executor = new ProcessPoolExecutor(1);
      const all = numbers(submitted).map((x) => executor.submit(square, x));
      const cancelled = all.at(-1)!.cancel();
      executor.shutdown(true);
      // The first one is a worker's at once.
      expect(cancelled).toBe(submitted === 2);
      expect(all[0]!.result(0)).toBe(0);
      await executor.shutdownAsync();
    }
  });

  test('C362: without waiting everything is done all the same, and the workers end', async () => {
    const executor = new ProcessPoolExecutor(2);
    const results = executor.map<number>(square, numbers(30));
    executor.shutdown(false);
    await until(() => activeChildren().length === 0);
    expect([...results]).toEqual(numbers(30).map(square));
  });

  test('C343: without waiting, workers are replaced as before', async () => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 1 });
    const lost = executor.submit(() => posix.exit(1));
    const call = (x: number): number[] => [x, posix.getpid()];
    const all = numbers(5).map((x) => executor.submit(call, x));
    executor.shutdown(false);
    expect(await rejectionOf(lost.then())).toMatch(/^BrokenProcessPool/);
    const results = await Promise.all(all);
    expect(results.map(([x]) => x)).toEqual(numbers(5));
    expect(new Set(results.map(([, pid]) => pid)).size).toBe(5);
    await executor.shutdownAsync();
  });

  test.each([1, 2])('C347: right after submit(), with maxTasksPerChild %d', (maxTasksPerChild) => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 3, maxTasksPerChild });
    const all = numbers(6).map((x) => executor.submit(square, x));
    executor.shutdown();
    expect(all.map((future) => future.result(0))).toEqual(numbers(6).map(square));
  });

  test.each([1, null])('C363: with a call that fails, and maxTasksPerChild %p', async (limit) => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: limit });
    const all: AnyFuture[] = [executor.submit(fail), executor.submit(square, 3)];
    all.push(executor.submit(fail));
    executor.shutdown(false);
    const settled = await Promise.allSettled(all);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
    expect(errorOf(() => all[2]!.result(0))).toBe('RangeError: bad');
    await executor.shutdownAsync();
  });
});

const forces = ['terminateWorkers', 'killWorkers'] as const;

describe.each(forces)('%s()', (force) => {
  const text =
    /^A worker process exited while the pool was being forcefully shut down; the future was not done$/;

  test('C349: what runs is never finished', async () => {
    const [queue, terminated] = [new Queue<string>(), new Event()];
    const executor = new ProcessPoolExecutor(1);
    const future = executor.submit(async () => {
      node.on('SIGTERM', () => {
        terminated.set();
        posix.exit(0);
      });
      queue.put('started');
      await forever();
      queue.put('finished');
    });
    expect(queue.get(true, patience)).toBe('started');
    const [worker] = activeChildren();
    executor[force]();
    const error = thrownBy(() => future.result(0));
    expect(error).toBeInstanceOf(BrokenProcessPool);
    expect(error.message).toMatch(text);
    expect(isAlive(worker!.pid!)).toBe(false);
    expect(terminated.isSet()).toBe(force === 'terminateWorkers');
    expect(errorOf(() => queue.get(false))).toMatch(/^Empty/);
    expect(errorOf(() => executor.submit(square, 1))).toMatch(
      /^RuntimeError: cannot schedule new futures after shutdown/,
    );
    queue.close();
    await future.catch(() => undefined);
  });

  test('C345: what waits is cancelled, and no worker is forked any more', async () => {
    const [forks, gate] = [new Value('i', 0), makeGate()];
    const executor = new ProcessPoolExecutor({
      maxWorkers: 1,
      maxTasksPerChild: 1,
      initializer: () => void (forks.value += 1),
    });
    const running = executor.submit(gate.pass, 0);
    const waiting = numbers(5).map((x) => executor.submit(gate.pass, x));
    await until(() => forks.value === 1);
    const seen: number[] = [];
    running.addDoneCallback(() => seen.push(activeChildren().length));
    executor[force]();
    gate.open();
    expect(running.exception(0)).toMatchObject({ message: expect.stringMatching(text) });
    expect(waiting.every((future) => future.cancelled())).toBe(true);
    expect(activeChildren()).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect([activeChildren().length, forks.value, seen.length]).toEqual([0, 1, 1]);
  });

  test('C345: while workers end because of maxTasksPerChild', () => {
    for (let round = 0; round < 10; round++) {
      const executor = new ProcessPoolExecutor({
        maxWorkers: 2,
        maxTasksPerChild: 1 + (round % 2),
      });
      const all = numbers(20).map((x) => executor.submit(identity<number>, x));
      all[round]!.result(patience);
      executor[force]();
      all.forEach((future, x) => {
        if (future.cancelled()) return;
        const error = future.exception(0) as Error | null;
        if (error === null) expect(future.result(0)).toBe(x);
        else expect(error.message).toMatch(text);
      });
      expect(activeChildren()).toEqual([]);
    }
  });

  test('C351: before there are workers, when they are dead, and twice', async () => {
    const unused = new ProcessPoolExecutor(1);
    unused[force]();
    unused[force]();
    const executor = new ProcessPoolExecutor(2);
    const pids = executor.submit(() => posix.getpid());
    const victim = pids.result(patience);
    posix.kill(victim, 'SIGKILL');
    await until(() => !isAlive(victim));
    executor[force]();
    executor[force]();
    executor.shutdown();
  });

  test('C351: after a failed initializer, and after shutdown()', () => {
    const broken = new ProcessPoolExecutor({ maxWorkers: 1, initializer: fail });
    expect(broken.submit(square, 1).exception(patience)).toBeInstanceOf(BrokenProcessPool);
    broken[force]();
    const executor = new ProcessPoolExecutor(1);
    const endless = executor.submit(forever);
    executor.shutdown(false);
    executor[force]();
    expect(endless.exception(0)).toBeInstanceOf(BrokenProcessPool);
  });
});

/** ProcessPoolExecutor. */

import { BrokenProcessPool, posix, ProcessPoolExecutor, WorkerDiedError } from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { runSource } from './lib/run';

afterEach(expectNoChildren);

function using<T>(body: (executor: ProcessPoolExecutor) => T, workers = 2): T {
  const executor = new ProcessPoolExecutor(workers);
  try {
    return body(executor);
  } finally {
    executor.shutdown();
  }
}

const identity = (x: number): number => x;
const die = (): unknown => process.kill(process.pid, 'SIGKILL');

test('C319: submit() passes the arguments through', () => {
  using((executor) => {
    const f = (...args: unknown[]): unknown[] => args;
    expect(executor.submit(f, 1, 'a', { fn: 2 }).result(patience)).toEqual([1, 'a', { fn: 2 }]);
    expect(errorOf(() => executor.submit(1 as never))).toMatch(/^TypeError: Expected a function/);
  });
});

test('map() over several iterables ends with the shortest', () => {
  using((executor) => {
    const add = (a: number, b: number): number => a + b;
    expect([...executor.map(add, [1, 2, 3], [10, 20])]).toEqual([11, 22]);
    expect([...executor.map(add)]).toEqual([]);
  });
});

test('C321: results before an error come, then the error', () => {
  using((executor) => {
    const results = executor.map<number>(
      (x: number) => {
        if (x === 2) throw new RangeError('two');
        return x;
      },
      [0, 1, 2, 3],
    );
    expect([results.next().value, results.next().value]).toEqual([0, 1]);
    expect(errorOf(() => results.next())).toBe('RangeError: two');
  });
});

test('C323: map() times out, and is over then', () => {
  const executor = new ProcessPoolExecutor(1);
  const forever = (): Promise<never> => new Promise(() => setInterval(() => undefined, 1000));
  const results = executor.map(forever, [1, 2], { timeout: 0.1 });
  expect(errorOf(() => results.next())).toMatch(/^TimeoutError/);
  expect(results.next().done).toBe(true);
  executor.killWorkers();
});

test('C325, C326: a buffersize reads no further ahead', () => {
  using((executor) => {
    let read = 0;
    const endless = (function* () {
      for (;;) yield read++;
    })();
    const results = executor.map<number>(identity, endless, { buffersize: 3 });
    expect(read).toBe(3);
    expect([results.next().value, results.next().value]).toEqual([0, 1]);
    expect(read).toBe(5);
    results.return();
    expect(errorOf(() => executor.map(identity, [], { buffersize: 0 }))).toMatch(/^ValueError/);
    expect(errorOf(() => executor.map(identity, [], { buffersize: 'x' as never }))).toBe(
      'TypeError: buffersize must be an integer or None',
    );
  });
});

test('C329: arguments of the constructor', () => {
  for (const workers of [0, -1]) {
    expect(errorOf(() => new ProcessPoolExecutor(workers))).toBe(
      'ValueError: max_workers must be greater than 0',
    );
  }
  expect(errorOf(() => new ProcessPoolExecutor({ maxTasksPerChild: 0 }))).toBe(
    'ValueError: max_tasks_per_child must be >= 1',
  );
  expect(errorOf(() => new ProcessPoolExecutor({ initializer: 1 as never }))).toMatch(/^TypeError/);
});

test('C331, C366: a worker that is killed fails its own future, and the executor goes on', () => {
  using((executor) => {
    const [killed, other] = [executor.submit(die), executor.submit(identity, 7)];
    const error = killed.exception(patience) as BrokenProcessPool;
    expect(error).toBeInstanceOf(BrokenProcessPool);
    expect(error.message).toBe(
      'A process in the process pool was terminated abruptly while the future was running or pending.',
    );
    expect([error.signal, error.exitcode]).toEqual(['SIGKILL', -9]);
    expect(error.cause).toBeInstanceOf(WorkerDiedError);
    expect(other.result(patience)).toBe(7);
    expect(executor.submit(identity, 8).result(patience)).toBe(8);
  });
});

test('C333: the cause names the exit code', () => {
  using((executor) => {
    const error = executor.submit(() => posix.exit(99)).exception(patience) as Error;
    expect((error.cause as Error).message).toMatch(
      /^Process \d+ terminated abruptly with exit code 99$/,
    );
  });
});

test('C334: chunk sizes', () => {
  using((executor) => {
    for (const chunksize of [1, 3, 10, 100]) {
      expect([...executor.map(identity, [...Array(10).keys()], { chunksize })]).toEqual([
        ...Array(10).keys(),
      ]);
    }
    expect(errorOf(() => executor.map(identity, [1], { chunksize: 0 }))).toBe(
      'ValueError: chunksize must be >= 1.',
    );
  });
});

test('C338, C339: as many workers as are needed, and no more than allowed', () => {
  using((executor) => {
    const pid = (): Promise<number> =>
      new Promise((resolve) => setTimeout(() => resolve(posix.getpid()), 20));
    const pids = Array.from({ length: 12 }, () => executor.submit(pid)).map((f) => f.result());
    expect(new Set(pids).size).toBeLessThanOrEqual(2);
  });
});

test('C342, C347: maxTasksPerChild replaces workers, and loses nothing', () => {
  const executor = new ProcessPoolExecutor({ maxWorkers: 2, maxTasksPerChild: 1 });
  const all = [...Array(6).keys()].map((x) =>
    executor.submit((y: number) => [y, posix.getpid()], x),
  );
  executor.shutdown();
  const results = all.map((future) => future.result(0));
  expect(results.map(([value]) => value)).toEqual([...Array(6).keys()]);
  expect(new Set(results.map(([, pid]) => pid)).size).toBe(6);
});

test('C349, C351: terminateWorkers() and killWorkers() end what runs, or nothing', async () => {
  for (const end of ['terminateWorkers', 'killWorkers'] as const) {
    new ProcessPoolExecutor(1)[end]();
    const executor = new ProcessPoolExecutor(1);
    const future = executor.submit(() => new Promise(() => undefined));
    executor[end]();
    expect(await rejectionOf(Promise.resolve(future))).toMatch(/^BrokenProcessPool/);
  }
});

test('C353: after shutdown() nothing can be submitted', () => {
  const executor = new ProcessPoolExecutor(1);
  executor.shutdown();
  executor.shutdown();
  expect(errorOf(() => executor.submit(identity, 1))).toBe(
    'RuntimeError: cannot schedule new futures after shutdown',
  );
});

test('C357: cancelFutures cancels what no worker has been given', () => {
  const executor = new ProcessPoolExecutor(1);
  const slow = (x: number): Promise<number> =>
    new Promise((resolve) => setTimeout(() => resolve(x), 50));
  const all = [...Array(20).keys()].map((x) => executor.submit(slow, x));
  all[0]!.result(patience);
  executor.shutdown(true, { cancelFutures: true });
  const cancelled = all.filter((future) => future.cancelled()).length;
  expect(cancelled).toBeGreaterThan(10);
  expect(all.every((future) => future.done())).toBe(true);
});

test('C354: pending work is finished before the program ends', async () => {
  const { code, stdout, stderr } = await runSource(`
    const { ProcessPoolExecutor } = require('multiproc');
    const executor = new ProcessPoolExecutor(2);
    const slow = (x) => new Promise((resolve) => setTimeout(() => resolve(x), 100));
    for (let i = 0; i < 4; i++) executor.submit(slow, i).then(console.log);
  `);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.trim().split('\n').sort()).toEqual(['0', '1', '2', '3']);
});

test('C377: a failing initializer breaks the executor', () => {
  const executor = new ProcessPoolExecutor({
    maxWorkers: 2,
    initializer() {
      throw new Error('error in initializer');
    },
  });
  expect(executor.submit(identity, 1).exception(patience)).toBeInstanceOf(BrokenProcessPool);
  expect(errorOf(() => executor.submit(identity, 1))).toMatch(
    /^BrokenProcessPool: A child process/,
  );
  executor.shutdown();
});

test('what cannot cross fails its own future', () => {
  using((executor) => {
    expect(executor.submit(identity, (() => 1) as never).exception(patience)).toMatchObject({
      name: 'PicklingError',
    });
    expect(executor.submit(() => () => 1).exception(patience)).toMatchObject({
      name: 'MaybeEncodingError',
    });
    expect(executor.submit(identity, 3).result(patience)).toBe(3);
  });
});

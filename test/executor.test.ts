/** ProcessPoolExecutor: its arguments, submit(), submitWith(), the errors of calls. */

import {
  activeChildren,
  BrokenProcessPool,
  Event,
  posix,
  ProcessPoolExecutor,
  register,
  TimeoutError,
  Value,
} from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { identity, withExecutor } from './lib/futures';
import { sleep, square, thrownBy } from './lib/pool';
import { node } from './lib/signals';

afterEach(expectNoChildren);

const pid = (): number => posix.getpid();
describe('submit()', () => {
  test('C319: passes the arguments through', () =>
    withExecutor(1, (executor) => {
      const all = (...args: unknown[]): unknown[] => args;
      expect(executor.submit(all, 1, 'a', { self: 1, fn: 2 }).result(patience)).toEqual([
        1,
        'a',
        { self: 1, fn: 2 },
      ]);
      expect(executor.submit(all).result(patience)).toEqual([]);
      expect(executor.submit(all, undefined, null).result(patience)).toEqual([undefined, null]);
    }));

  test('C319: without a function it is a TypeError', () =>
    withExecutor(1, (executor) => {
      const submit = executor.submit.bind(executor) as (...args: unknown[]) => unknown;
      for (const args of [[], [1], ['fn', 1], [{ fn: identity }]]) {
        expect(errorOf(() => submit(...args))).toMatch(/^TypeError: Expected a function for fn/);
      }
      expect(activeChildren()).toEqual([]);
    }));

  test('the result of an async function is that of its promise', () =>
    withExecutor(1, async (executor) => {
      const later = async (x: number): Promise<number> => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (x < 0) throw new RangeError('negative');
        return 2 * x;
      };
      expect(await executor.submit(later, 4)).toBe(8);
      expect(await rejectionOf(executor.submit(later, -1).then())).toBe('RangeError: negative');
    }));
});

describe('the constructor', () => {
  test('C329: maxWorkers', () => {
    for (const workers of [0, -1]) {
      const text = 'ValueError: max_workers must be greater than 0';
      expect(errorOf(() => new ProcessPoolExecutor(workers))).toBe(text);
      expect(errorOf(() => new ProcessPoolExecutor({ maxWorkers: workers }))).toBe(text);
    }
    for (const workers of [1.5, '2', NaN]) {
      expect(errorOf(() => new ProcessPoolExecutor(workers as number))).toMatch(
        /^TypeError: Expected an integer for maxWorkers/,
      );
    }
  });

  test('C341: maxTasksPerChild', () => {
    for (const tasks of [0, -1]) {
      expect(errorOf(() => new ProcessPoolExecutor({ maxTasksPerChild: tasks }))).toBe(
        'ValueError: max_tasks_per_child must be >= 1',
      );
    }
    for (const tasks of [1.5, '2', true]) {
      expect(errorOf(() => new ProcessPoolExecutor({ maxTasksPerChild: tasks as number }))).toBe(
        'TypeError: max_tasks_per_child must be an integer',
      );
    }
  });

  test('other options', () => {
    expect(errorOf(() => new ProcessPoolExecutor({ initializer: 1 as never }))).toBe(
      'TypeError: initializer must be a callable',
    );
    expect(errorOf(() => new ProcessPoolExecutor({ max_workers: 1 } as never))).toMatch(
      /^TypeError/,
    );
    expect(activeChildren()).toEqual([]);
  });
});

describe('errors of a call', () => {
  const falsy = [undefined, null, 0, '', false, NaN, 0n];

  test.each(falsy)('C330: %p is thrown as well', (thrown) =>
    withExecutor(1, async (executor) => {
      const fail = (): never => {
        throw thrown; // eslint-disable-line @typescript-eslint/only-throw-error -- that is the point
      };
      const future = executor.submit(fail);
      expect(caughtBy(() => future.result(patience))).toEqual([thrown]);
      expect(await Promise.allSettled([future])).toEqual([{ status: 'rejected', reason: thrown }]);
      const results = executor.map(fail, [1], { timeout: patience });
      expect(caughtBy(() => results.next())).toEqual([thrown]);
    }),
  );

  /** What it threw, if it did. */
  function caughtBy(call: () => unknown): unknown[] {
    try {
      call();
      return [];
    } catch (error) {
      return [error];
    }
  }

  class Failure extends RangeError {
    constructor(
      message: string,
      readonly args: unknown[],
      options?: ErrorOptions,
    ) {
      super(message, options);
    }
  }
  register(Failure, { name: 'test.Failure' });

  test('C335: class, message, own fields and cause are kept, and the stack is the worker’s', () =>
    withExecutor(1, (executor) => {
      const failingInWorker = (): never => {
        const cause = new SyntaxError('why');
        throw Object.assign(new Failure('told', [1, { a: 'b' }], { cause }), { code: 'EFAIL' });
      };
      const future = executor.submit(failingInWorker);
      const error = future.exception(patience) as Failure;
      expect(error).toBeInstanceOf(Failure);
      expect(error).toMatchObject({ message: 'told', args: [1, { a: 'b' }], code: 'EFAIL' });
      expect(error.stack).toMatch(/told\n(.*\n)*? +at failingInWorker /);
      expect(error.cause).toBeInstanceOf(SyntaxError);
      expect((error.cause as Error).message).toBe('why');
      expect(thrownBy(() => future.result(0))).toBe(error);
    }));

  test('C335: one without a cause gets none', () =>
    withExecutor(1, (executor) => {
      const fail = (): never => {
        throw new TypeError('plain');
      };
      const error = executor.submit(fail).exception(patience) as Error;
      expect(error).toBeInstanceOf(TypeError);
      expect('cause' in error).toBe(false);
    }));
});

describe('submitWith()', () => {
  test('timeout: a call that runs for too long costs its worker', () =>
    withExecutor(1, async (executor) => {
      const late = executor.submitWith({ timeout: 0.1 }, sleep, patience);
      const next = executor.submit(pid);
      const error = late.exception(patience);
      expect(error).toBeInstanceOf(TimeoutError);
      expect((error as Error).message).toBe('the task ran for 0.1 s');
      expect(await next).not.toBe(0);
      const awaited = executor.submitWith({ timeout: 0.1 }, sleep, patience);
      expect(await rejectionOf(awaited.then())).toBe('TimeoutError: the task ran for 0.1 s');
      expect(executor.submitWith({ timeout: patience }, square, 4).result(patience)).toBe(16);
    }));

  test('signal: what runs is ended, what waits does not begin', () =>
    withExecutor(1, async (executor) => {
      const controller = new AbortController();
      const { signal } = controller;
      const [started, begun] = [new Event(), new Event()];
      const running = executor.submitWith({ signal }, () => {
        started.set();
        sleep(patience);
      });
      const waiting = executor.submitWith({ signal }, () => begun.set());
      expect(started.wait(patience)).toBe(true);
      controller.abort(new RangeError('stop'));
      for (const future of [running, waiting]) {
        expect(await rejectionOf(future.then())).toBe('RangeError: stop');
      }
      expect(await executor.submit(square, 5)).toBe(25);
      expect(begun.isSet()).toBe(false);
      expect(errorOf(() => executor.submitWith({ signal }, square, 5).result(0))).toBe(
        'RangeError: stop',
      );
    }));

  test('retries: it is begun again when its worker has died', () =>
    withExecutor(1, (executor) => {
      const attempts = new Value('i', 0);
      const failsTwice = (): number => {
        attempts.value += 1;
        if (attempts.value < 3) node.kill(posix.getpid(), 'SIGKILL');
        return attempts.value;
      };
      expect(executor.submitWith({ retries: 2 }, failsTwice).result(patience)).toBe(3);
      attempts.value = 0;
      const lost = executor.submitWith({ retries: 1 }, failsTwice);
      expect(lost.exception(patience)).toBeInstanceOf(BrokenProcessPool);
      expect(attempts.value).toBe(2);
    }));

  test('other options are errors', () =>
    withExecutor(1, (executor) => {
      const wrong = (options: object): string | undefined =>
        errorOf(() => executor.submitWith(options, square, 1));
      expect(wrong({ retry: 1 })).toMatch(/^TypeError/);
      expect(wrong({ retries: -1 })).toBe('ValueError: retries must be an integer >= 0, not -1');
      expect(wrong({ signal: 1 })).toMatch(/^TypeError: Expected an AbortSignal for signal/);
    }));
});

/** ProcessPoolExecutor: initializers. */

import { activeChildren, BrokenProcessPool, ProcessPoolExecutor } from 'multiproc';
import { BrokenExecutor } from 'multiproc/futures';

import { errorOf, expectNoChildren, patience } from './lib/child';
import { ends, submitted, throwing, withExecutor } from './lib/futures';
import { openDescriptors } from './lib/pipe';
import { numbers, square, thrownBy } from './lib/pool';
import { runSource } from './lib/run';
import { expectNoNewNames, sharedNames } from './lib/segments';

afterEach(expectNoChildren);

test('an initializer is called once in each worker, with its arguments', () => {
  const state: number[] = [];
  const initializer = (...args: number[]): void => void state.push(...args);
  return withExecutor({ maxWorkers: 2, initializer, initargs: [1, 2] }, (executor) => {
    const results = executor.map(() => state, numbers(6), { timeout: patience });
    expect([...results]).toEqual(Array(6).fill([1, 2]));
    expect(state).toEqual([]);
  });
});

describe('an initializer', () => {
  const failing: [string, () => unknown][] = [
    ['that throws', () => throwing()],
    ['whose promise fails', () => Promise.reject(new RangeError('in the hook'))],
  ];

  test.each(failing)('C377: %s breaks the executor for ever', async (_, initializer) => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 2, initializer });
    const all = numbers(6).map((x) => submitted(executor, x));
    for (const future of all) {
      const error = future.exception(patience) as BrokenProcessPool;
      expect(error).toBeInstanceOf(BrokenExecutor);
      expect(error.message).toBe(
        'A child process terminated abruptly, the process pool is not usable anymore',
      );
      expect(error.cause).toBeInstanceOf(RangeError);
      expect((error.cause as Error).message).toBe('in the hook');
    }
    for (let i = 0; i < 2; i++) {
      for (const begin of [
        (): unknown => executor.submit(square, 1),
        (): unknown => executor.map(square, [1]),
      ]) {
        const error = thrownBy(begin);
        expect(error).toBeInstanceOf(BrokenProcessPool);
        expect(error.cause.message).toBe('in the hook');
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    executor.shutdown();
    expect(activeChildren()).toEqual([]);
  });

  test.each(ends)('C377: in which the worker %s breaks it after some attempts', (_, end, how) => {
    const executor = new ProcessPoolExecutor({ maxWorkers: 2, initializer: end });
    const all = numbers(3).map((x) => submitted(executor, x));
    for (const future of all) {
      const error = future.exception(patience) as Error;
      expect(error).toBeInstanceOf(BrokenExecutor);
      expect(error.cause).toMatchObject({ cause: how });
    }
    expect(errorOf(() => executor.submit(square, 1))).toMatch(/^BrokenProcessPool/);
    executor.shutdown();
  });

  test('C378: after such a failure nothing is left', async () => {
    const fail = (): void => {
      const executor = new ProcessPoolExecutor({ maxWorkers: 2, initializer: throwing });
      const all = numbers(4).map((x) => submitted(executor, x));
      for (const future of all) expect(future.exception(patience)).toBeInstanceOf(BrokenExecutor);
      executor.shutdown();
    };
    fail();
    const shared = sharedNames();
    const before = openDescriptors();
    for (let i = 0; i < 5; i++) fail();
    expect(openDescriptors()).toEqual(before);
    expect(activeChildren()).toEqual([]);
    await expectNoNewNames(shared);
  });

  test('C378: and the program ends, quietly', async () => {
    const ended = await runSource(`
      const { ProcessPoolExecutor } = require('multiproc');
      const initializer = () => { throw new Error('error in initializer'); };
      const executor = new ProcessPoolExecutor({ maxWorkers: 2, initializer });
      executor.submit(() => 1).addDoneCallback((future) => console.log(future.exception(0).name));`);
    expect(ended).toMatchObject({ code: 0, stdout: 'BrokenProcessPool\n', stderr: '' });
  });
});

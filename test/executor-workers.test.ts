/** ProcessPoolExecutor: its workers, how many there are, and what happens when they die. */

import {
  activeChildren,
  BrokenProcessPool,
  Event,
  posix,
  Semaphore,
  WorkerDiedError,
} from 'multiproc';

import { expectNoChildren, patience, rejectionOf } from './lib/child';
import { makeGate, withExecutor } from './lib/futures';
import { isAlive, numbers, sleep, square, thrownBy } from './lib/pool';
import { runSource, until } from './lib/run';

afterEach(expectNoChildren);

const pid = (): number => posix.getpid();
const die = (): void => {
  posix.kill(posix.getpid(), 'SIGKILL');
  sleep(patience);
};
const lostText =
  'A process in the process pool was terminated abruptly while the future was running or pending.';

describe('a worker that dies', () => {
  test('C331: fails its own future, and the executor goes on', () =>
    withExecutor(2, (executor) => {
      const gate = makeGate();
      const [running, other] = [executor.submit(gate.pass, 1), executor.submit(die)];
      const waiting = numbers(10).map((x) => executor.submit(square, x));
      const error = other.exception(patience) as BrokenProcessPool;
      expect(error).toBeInstanceOf(BrokenProcessPool);
      expect(error.message).toBe(lostText);
      expect(error).toMatchObject({ exitcode: -9, signal: 'SIGKILL' });
      expect(error.cause).toBeInstanceOf(WorkerDiedError);
      expect((error.cause as Error).message).toBe(
        `Process ${error.pid} terminated abruptly by SIGKILL`,
      );
      expect(isAlive(error.pid!)).toBe(false);
      expect(thrownBy(() => other.result(0))).toBe(error);
      gate.open();
      expect(running.result(patience)).toBe(1);
      expect(waiting.map((future) => future.result(patience))).toEqual(numbers(10).map(square));
      expect(executor.submit(square, 9).result(patience)).toBe(81);
    }));

  test('C331: when somebody else kills it', () =>
    withExecutor(1, async (executor) => {
      const [started, gate] = [new Event(), makeGate()];
      const future = executor.submit(() => {
        started.set();
        return gate.pass(1);
      });
      expect(started.wait(patience)).toBe(true);
      const [victim] = activeChildren();
      victim!.kill();
      expect(await rejectionOf(future.then())).toBe(`BrokenProcessPool: ${lostText}`);
      expect(future.exception(0)).toMatchObject({ pid: victim!.pid, signal: 'SIGKILL' });
      expect(await executor.submit(pid)).not.toBe(victim!.pid);
    }));

  test('C331: while it is idle, nothing is lost', () =>
    withExecutor(1, async (executor) => {
      const victim = await executor.submit(pid);
      posix.kill(victim, 'SIGKILL');
      await until(() => !isAlive(victim));
      expect(executor.submit(square, 3).result(patience)).toBe(9);
    }));

  test('C333: the cause names the exit code', () =>
    withExecutor(1, (executor) => {
      const error = executor.submit(() => posix.exit(99)).exception(patience) as BrokenProcessPool;
      expect(error).toBeInstanceOf(BrokenProcessPool);
      expect(error).toMatchObject({ exitcode: 99, signal: null });
      expect((error.cause as Error).message).toBe(
        `Process ${error.pid} terminated abruptly with exit code 99`,
      );
      expect(executor.submit(square, 3).result(patience)).toBe(9);
    }));

  test('C346: when no other can be forked, what waits fails, and the cause says why', async () => {
    const ended = await runSource(`
      const { Process, ProcessPoolExecutor } = require('multiproc');
      const start = Process.prototype.start;
      let left = 1;
      Process.prototype.start = function () {
        if (left-- <= 0) throw Object.assign(new Error('no process'), { code: 'EAGAIN' });
        return start.call(this);
      };
      const executor = new ProcessPoolExecutor({ maxWorkers: 1, maxTasksPerChild: 1 });
      const all = [1, 2, 3].map((x) => executor.submit((y) => y, x));
      for (const future of all) {
        try {
          console.log(future.result(20));
        } catch ({ name, message, cause }) {
          console.log(name, message, cause.code);
        }
      }
      left = 9;
      console.log(executor.submit((y) => y, 4).result(20));
      executor.shutdown();`);
    const text = 'BrokenProcessPool A replacement worker process could not be started EAGAIN\n';
    expect(ended).toMatchObject({ code: 0, stdout: `1\n${text}${text}4\n`, stderr: '' });
  });
});

describe('workers', () => {
  test('C338: as many as are allowed when there is more to do', () =>
    withExecutor(3, (executor) => {
      const semaphore = new Semaphore(0);
      const call = (x: number): unknown[] => [x, semaphore.acquire(true, patience), pid()];
      const all = numbers(15 * 3).map((x) => executor.submit(call, x));
      expect(activeChildren()).toHaveLength(3);
      all.forEach(() => semaphore.release());
      const results = all.map((future) => future.result(patience));
      expect(results.map(([x, acquired]) => [x, acquired])).toEqual(
        numbers(45).map((x) => [x, true]),
      );
      expect(new Set(results.map(([, , worker]) => worker)).size).toBe(3);
    }));

  test('C339: one that is idle is used again', () =>
    withExecutor(4, (executor) => {
      expect(activeChildren()).toEqual([]);
      const pids = numbers(8).map(() => executor.submit(pid).result(patience));
      expect(new Set(pids).size).toBe(1);
      expect(activeChildren()).toHaveLength(1);
    }));

  test('C339: as many as have something to do', () =>
    withExecutor(4, (executor) => {
      const gate = makeGate();
      const busy = [1, 2].map((x) => executor.submit(gate.pass, x));
      const pids = numbers(5).map(() => executor.submit(pid).result(patience));
      expect(new Set(pids).size).toBe(1);
      expect(activeChildren()).toHaveLength(3);
      gate.open();
      expect(busy.map((future) => future.result(patience))).toEqual([1, 2]);
    }));

  test('C341: with maxTasksPerChild they are replaced', () =>
    withExecutor({ maxWorkers: 1, maxTasksPerChild: 3 }, (executor) => {
      const pids = numbers(9).map(() => executor.submit(pid).result(patience));
      expect(pids).toEqual([0, 3, 6].flatMap((index) => Array(3).fill(pids[index])));
      expect(new Set(pids).size).toBe(3);
    }));

  test.each([1, 2, 7])('C342: a backlog longer than maxTasksPerChild %d', (maxTasksPerChild) =>
    withExecutor({ maxWorkers: 2, maxTasksPerChild }, async (executor) => {
      const call = (x: number): [number, number] => [x, pid()];
      const blocking = numbers(30).map((x) => executor.submit(call, x));
      const results = blocking.map((future) => future.result(patience));
      const awaited = numbers(30).map((x) => executor.submit(call, x));
      results.push(...(await Promise.all(awaited)));
      expect(results.map(([x]) => x)).toEqual([...numbers(30), ...numbers(30)]);
      const counts = new Map<number, number>();
      for (const [, worker] of results) counts.set(worker, (counts.get(worker) ?? 0) + 1);
      expect(Math.max(...counts.values())).toBeLessThanOrEqual(maxTasksPerChild);
    }),
  );
});

/** Pool: its workers' lives, its end, the end of the program. */

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import {
  activeChildren,
  Barrier,
  currentProcess,
  Event,
  Pool,
  PoolTerminatedError,
  posix,
} from 'multiproc';

import { errorOf, expectNoChildren, inChild, patience, rejectionOf } from './lib/child';
import { openDescriptors } from './lib/pipe';
import { isAlive, numbers, sleep, square, thrownBy, withPool } from './lib/pool';
import { runProgram, runSource, until } from './lib/run';
import { expectNoNewNames, sharedNames } from './lib/segments';

afterEach(expectNoChildren);

const pid = (): number => process.pid;

describe('workers', () => {
  test('are forked when there is work, with names and as daemons', () =>
    withPool(2, (pool) => {
      expect(pool.stats()).toMatchObject({ size: 2, workers: 0, forks: 0 });
      const show = (): unknown[] => [currentProcess().name, currentProcess().daemon];
      expect(pool.apply(show)).toEqual(['ForkPoolWorker-1', true]);
      expect(pool.stats()).toMatchObject({ workers: 1, busy: 0, idle: 1, completed: 1 });
    }));

  test('may have pools of their own with daemon: false', () =>
    withPool({ processes: 2, daemon: false }, (pool) => {
      const nested = (x: number): number[] => {
        const inner = new Pool(2);
        const results = inner.map((y) => x * y, [1, 2, 3]);
        inner.terminate();
        return results;
      };
      expect(pool.map(nested, [1, 2, 3])).toEqual([1, 2, 3].map((x) => [x, 2 * x, 3 * x]));
    }));

  test('keep no memory of other channels, and other children none at all', () =>
    withPool(3, (pool) => {
      const meeting = new Barrier(3);
      const channels = (): number => {
        meeting.wait(patience);
        return mailboxes();
      };
      expect(pool.map(channels, numbers(3), 1)).toEqual([1, 1, 1]);
      expect(mailboxes()).toBe(3);
      expect(inChild(mailboxes)).toBe(0);
    }));

  test('cannot use the pool that they belong to', () =>
    withPool(1, (pool) => {
      const text = 'ValueError: the pool belongs to another process';
      expect(pool.apply(() => errorOf(() => pool.apply(square, [1])))).toBe(text);
      pool.apply(() => pool.terminate());
      expect(pool.apply(square, [3])).toBe(9);
    }));

  test('C150: with maxtasksperchild they are replaced', () =>
    withPool({ processes: 3, maxtasksperchild: 10 }, (pool) => {
      const results = numbers(100).map((x) => pool.applyAsync((y: number) => [y, pid()], [x]));
      const all = results.map((result) => result.get());
      expect(all.map(([x]) => x)).toEqual(numbers(100));
      const counts = new Map<number, number>();
      for (const [, worker] of all) counts.set(worker!, (counts.get(worker!) ?? 0) + 1);
      expect(Math.max(...counts.values())).toBeLessThanOrEqual(10);
      expect(pool.stats()).toMatchObject({ completed: 100, deaths: 0 });
    }));

  test('C151: close() before the end of tasks with maxtasksperchild', () => {
    const pool = new Pool(3, null, [], 1);
    const results = numbers(6).map(() => pool.applyAsync(sleep, [0.02]));
    pool.close();
    pool.join();
    expect(results.every((result) => result.successful())).toBe(true);
  });
});

describe('replaced workers leave no zombies', () => {
  const replacing = (pool: Pool): void => {
    for (const x of numbers(10)) pool.apply((y: number) => x + y, [x]);
    expect(() => pool.apply(() => process.kill(process.pid, 'SIGKILL'))).toThrow('SIGKILL');
  };

  test('where the event loop turns', () =>
    withPool({ processes: 2, maxtasksperchild: 2 }, async (pool) => {
      replacing(pool);
      await until(() => zombies().length === 0);
      expect(pool.stats().forks).toBeGreaterThan(10);
    }));

  test('when the pool is terminated, at once', () => {
    const pool = new Pool({ processes: 2, maxtasksperchild: 2 });
    replacing(pool);
    pool.terminate();
    expect(zombies()).toEqual([]);
  });

  /** Children of this process that have ended and were not reaped. */
  function zombies(): string[] {
    return readdirSync('/proc').filter((pid) => {
      try {
        const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ');
        return state === 'Z' && Number(parent) === posix.getpid();
      } catch {
        return false; // No process, or gone.
      }
    });
  }
});

describe('what a task has begun goes on after it', () => {
  test.each([
    ['a timer', (event: Event) => void setTimeout(() => event.set(), 20)],
    ['a promise', (event: Event) => void Promise.resolve().then(() => event.set())],
    ['a request', (event: Event) => void readFile(__filename).then(() => event.set())],
  ])('%s, while the worker has nothing else to do', (_, begin) =>
    withPool(1, (pool) => {
      const event = new Event();
      pool.apply(begin, [event]);
      expect(event.wait(patience)).toBe(true);
    }),
  );

  test('and while it has other tasks all the time', () =>
    withPool(1, (pool) => {
      const event = new Event();
      // Known to the worker, which is not replaced then.
      pool.apply(square, [1]);
      pool.apply(() => void setTimeout(() => event.set(), 20));
      const end = performance.now() + 1000 * patience;
      while (!event.isSet() && performance.now() < end) pool.map(square, numbers(100), 1);
      expect(event.isSet()).toBe(true);
    }));

  test('an error of it ends the worker, which is replaced', async () => {
    const ended = await runSource(`
      const { Pool } = require('multiproc');
      const pool = new Pool(1);
      const pid = () => process.pid;
      const begin = (fails) => {
        if (fails) setTimeout(() => { throw new RangeError('later'); });
      };
      pool.apply(begin, [false]);
      const first = pool.apply(pid);
      pool.apply(begin, [true]);
      const wait = () => {
        if (pool.apply(pid) === first) setTimeout(wait, 5);
        else console.log(pool.stats().forks);
      };
      wait();`);
    expect(ended).toMatchObject({ code: 0, stdout: '3\n' });
    expect(ended.stderr).toMatch(/^Process ForkPoolWorker-2:\n[^]*RangeError: later/);
  });
});

describe('the end of a pool', () => {
  const over = 'ValueError: Pool not running';

  test.each(['close', 'terminate'] as const)('nothing can be begun after %s()', async (way) => {
    const pool = new Pool(1);
    pool.apply(square, [1]);
    pool[way]();
    expect(errorOf(() => pool.apply(square, [1]))).toBe(over);
    expect(errorOf(() => pool.mapAsync(square, []))).toBe(over);
    expect(errorOf(() => pool.imap(square, []))).toBe(over);
    await pool.joinAsync();
    pool.join();
    pool[way]();
  });

  test('joinAsync() waits for all results', async () => {
    const pool = new Pool(2);
    expect(await rejectionOf(pool.joinAsync())).toBe('ValueError: Pool is still running');
    const result = pool.mapAsync(sleep, [0.05, 0.05, 0.05], 1);
    pool.close();
    await pool.joinAsync();
    expect(result.successful()).toBe(true);
  });

  test('C137: terminate() with many tasks is quick, and settles all', async () => {
    const pool = new Pool(2);
    const results = [pool.mapAsync(sleep, Array(10_000).fill(10), 1), pool.applyAsync(sleep, [10])];
    pool.terminate();
    pool.join();
    for (const result of results) {
      expect(thrownBy(() => result.get())).toBeInstanceOf(PoolTerminatedError);
      expect(await rejectionOf(result.then())).toBe('PoolTerminatedError: the pool was terminated');
    }
  });

  test('terminate() ends workers that ignore SIGTERM', () => {
    const pool = new Pool(1);
    const result = pool.applyAsync(() => {
      process.on('SIGTERM', () => undefined);
      sleep(20);
    });
    sleep(0.1);
    pool.terminate();
    expect(errorOf(() => result.get())).toMatch(/^PoolTerminatedError/);
  });

  test('C139, C145: it is disposable', () => {
    const pool = new Pool(2);
    expect(pool.map(square, [1, 2])).toEqual([1, 4]);
    pool[Symbol.dispose]();
    expect(errorOf(() => pool.mapAsync(square, [1]))).toBe(over);
    expect(String(pool)).toContain('state=TERMINATE');
  });
});

describe('the end of the program', () => {
  const ways = ['return', 'exit', 'busy', 'killed', 'interrupted'].flatMap((how) =>
    ['main', 'child'].flatMap((where) => [
      [how, where, 'true'],
      [how, where, 'false'],
    ]),
  );
  test.each(ways)('C153: by %s, in the %s process, daemon %s', async (how, where, daemon) => {
    const ended = await runProgram('pool-end.js', { args: [how, where, daemon] });
    expect(ended.stderr).toBe('');
    if (how === 'interrupted') expect(ended.signal).toBe('SIGINT');
    else if (how === 'killed' && where === 'main') expect(ended.signal).toBe('SIGKILL');
    else expect(ended.code).toBe(0);
    const workers = ended.stdout.trim().split('\n').map(Number);
    expect(workers).toHaveLength(2);
    await until(() => !workers.some(isAlive), 1);
  });

  test('outstanding results keep it going, and nothing else', async () => {
    const ended = await runSource(`
      const { Pool } = require('multiproc');
      const pool = new Pool(1);
      pool.applyAsync((x) => x + 1, [1]).then(console.log);`);
    expect(ended).toMatchObject({ code: 0, stdout: '2\n', stderr: '' });
  });
});

test('C154: a fork that fails is the error of the call', async () => {
  const ended = await runSource(
    `const { Pool, posix } = require('multiproc');
    const { Process } = require('multiproc');
    const start = Process.prototype.start;
    let left = 1;
    Process.prototype.start = function () {
      if (left-- <= 0) throw Object.assign(new Error('no process'), { code: 'EAGAIN' });
      return start.call(this);
    };
    const pool = new Pool(4);
    console.log(pool.map((x) => x, [1, 2, 3, 4, 5], 1).join());
    pool.terminate();
    const other = new Pool(4);
    try { other.apply((x) => x, [1]); } catch (error) { console.log(error.code); }`,
  );
  expect(ended).toMatchObject({ code: 0, stdout: '1,2,3,4,5\nEAGAIN\n', stderr: '' });
});

test('descriptors and memory stay flat over many pools', async () => {
  const shared = sharedNames();
  const use = (): void => {
    const pool = new Pool(1);
    pool.apply(square, [1]);
    pool.terminate();
  };
  use();
  const before = [openDescriptors().length, mappings()];
  for (let i = 0; i < 50; i++) use();
  expect(openDescriptors().length).toBeLessThanOrEqual(before[0]! + 2);
  expect(mappings()).toBeLessThanOrEqual(before[1]! + 20);
  expect(activeChildren()).toEqual([]);
  await expectNoNewNames(shared);
});

/** How many channels this process has mapped: two mailboxes of 16 MiB each, and a page. */
function mailboxes(): number {
  const size = 2 * 16 * 2 ** 20 + 4096;
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => {
      const [start, end] = line.split(' ')[0]!.split('-');
      return parseInt(end!, 16) - parseInt(start!, 16) === size;
    }).length;
}

/** How many areas of shared memory are mapped. */
function mappings(): number {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(' rw-s ')).length;
}

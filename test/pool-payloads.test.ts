/** Pool: how arguments and results travel, and what becomes of them when a worker does not. */

import { type AsyncResult, Event, Pipe, Pool, posix, register, Value } from 'multiproc';

import { errorOf, expectNoChildren, patience } from './lib/child';
import { numbers, sleep, thrownBy, withPool } from './lib/pool';
import { runSource } from './lib/run';

afterEach(expectNoChildren);

const MIB = 2 ** 20;
const pid = (): number => posix.getpid();

/** A pool whose workers get tasks of the function in advance, since the last ones were quick. */
function withQuickOnes<Result>(
  call: (...args: any[]) => unknown,
  args: unknown[],
  use: (pool: Pool) => Result,
): Promise<Awaited<Result>> {
  return withPool(2, (pool) => {
    for (const result of numbers(40).map(() => pool.applyAsync(call, args))) result.get(patience);
    return use(pool);
  });
}

test('payloads of all sizes around those of the ways there and back', () =>
  withPool(2, (pool) => {
    const sizes = [0, 1, 2 ** 15, 2 ** 16, MIB, 16 * MIB].flatMap((size) =>
      [-100, -64, 0, 64].map((more) => Math.max(size + more, 0)),
    );
    const patterns = sizes.map((size) => Buffer.alloc(size, `pattern of ${size}`));
    const results = patterns.map((bytes) => pool.applyAsync((x: Buffer) => x, [bytes]));
    results.forEach((result, index) => {
      expect(result.get(patience).equals(patterns[index]!)).toBe(true);
    });
  }));

test('more payloads than the mailboxes hold', () =>
  withPool(1, (pool) => {
    const fill = (x: number): Buffer => Buffer.alloc(MIB, x);
    const first = (bytes: Buffer): number => bytes[bytes.length - 1]!;
    const there = numbers(50).map((x) => pool.applyAsync(first, [fill(x)]));
    expect(there.map((result) => result.get(patience))).toEqual(numbers(50));
    const back = numbers(50).map((x) => pool.applyAsync(fill, [x]));
    // Nobody reads meanwhile, and the worker goes on.
    sleep(0.1);
    expect(back.map((result) => first(result.get(patience)))).toEqual(numbers(50));
  }));

test.each([
  ['short', 10],
  ['long', MIB],
])('%s arguments that are taken back from a late worker are those of the call', (_, size) => {
  const task = (wait: boolean, bytes: Buffer, go: Event): number[] => {
    if (wait) go.wait(patience);
    return [bytes[0]!, bytes[bytes.length - 1]!, pid()];
  };
  const go = new Event();
  return withQuickOnes(task, [false, Buffer.alloc(size), go], (pool) => {
    const bytes = Buffer.alloc(size);
    const all: AsyncResult<number[]>[] = [];
    const give = (wait: boolean, value: number): void => {
      bytes.fill(value);
      all.push(pool.applyAsync(task, [wait, bytes, go]));
    };
    give(true, 1);
    for (const x of numbers(8)) give(false, 10 + x);
    const [late, ...others] = all;
    const results = others.map((result) => result.get(patience));
    expect(late!.ready()).toBe(false);
    go.set();
    const worker = late!.get(patience)[2];
    expect(results.map(([first]) => first)).toEqual(numbers(8).map((x) => 10 + x));
    expect(results.map(([, last]) => last)).toEqual(numbers(8).map((x) => 10 + x));
    expect(results.every(([, , other]) => other !== worker)).toBe(true);
  });
});

test('and descriptors among them are there for the next worker', () => {
  const go = new Event();
  const [reader, writer] = Pipe(false);
  const task = (wait: boolean, end: typeof writer, text: string): void => {
    if (wait) go.wait(patience);
    end.send(text);
    end.close();
  };
  return withQuickOnes(task, [false, writer, 'first'], (pool) => {
    expect(numbers(40).map(() => reader.recv())).toEqual(Array(40).fill('first'));
    const late = pool.applyAsync(task, [true, writer, 'late']);
    const others = numbers(6).map((x) => pool.applyAsync(task, [false, writer, `other ${x}`]));
    for (const result of others) result.get(patience);
    expect(
      numbers(6)
        .map(() => String(reader.recv()))
        .sort(),
    ).toEqual(numbers(6).map((x) => `other ${x}`));
    go.set();
    late.get(patience);
    expect(reader.recv()).toBe('late');
    reader.close();
    writer.close();
  });
});

test('a task that is begun anew gets its arguments as they were, and descriptors again', () =>
  withPool(1, (pool) => {
    const died = new Event();
    const [reader, writer] = Pipe(false);
    const task = (list: number[], end: typeof writer): void => {
      if (!died.isSet()) {
        died.set();
        posix.exit(1);
      }
      end.send(list);
    };
    const plain = (list: number[]): number[] => {
      if (list[0] === 5 && !died.isSet()) {
        died.set();
        posix.exit(1);
      }
      return list;
    };
    const list = [5];
    const result = pool.applyAsync(plain, [list], { retries: 1 });
    list[0] = 6;
    expect(result.get(patience)).toEqual([5]);
    died.clear();
    pool.applyAsync(task, [[7], writer], { retries: 1 }).get(patience);
    expect(reader.recv()).toEqual([7]);
    reader.close();
    writer.close();
  }));

test('a hook of the codec may use the pool, but not wait for it', () =>
  withPool(1, (pool) => {
    const others: AsyncResult<number>[] = [];
    class Nested {
      constructor(readonly bytes: Buffer) {}
    }
    register(Nested, {
      name: 'test.PoolPayloads.Nested',
      reduce: ({ bytes }: Nested) => {
        // Both are long: they must not get the same memory.
        const other = pool.applyAsync((x: Buffer) => x[0]!, [Buffer.alloc(MIB, 1)]);
        others.push(other);
        return [Buffer.alloc(MIB, 2), errorOf(() => other.get()), bytes];
      },
      construct: ([padding, error, bytes]: [Buffer, string, Buffer]) =>
        new Nested(Buffer.from(`${padding[MIB - 1]} ${error} ${bytes.toString()}`)),
    });
    const result = pool.apply(
      (padding: Buffer, { bytes }: Nested) => [padding[MIB - 1], bytes.toString()],
      [Buffer.alloc(MIB, 9), new Nested(Buffer.from('abc'))],
    );
    const error = 'RuntimeError: cannot wait for a pool while it serialises a task';
    expect(result).toEqual([9, `2 ${error} abc`]);
    expect(others.map((other) => other.get(patience))).toEqual([1]);
  }));

test('a worker whose pool has gone ends without a word', async () => {
  const ended = await runSource(`
    const { Pool, Event, Value } = require('multiproc');
    const [first, gone] = [new Value('i', 1), new Event()];
    const pool = new Pool({
      processes: 2,
      initializer() {
        if (first.exchange(0) === 0) {
          process.on('SIGTERM', () => undefined);
          gone.wait();
        }
        throw new Error('in the initializer');
      },
    });
    const results = pool.mapAsync((x) => x, [1, 2], 1);
    try { results.get(); } catch (error) { console.log(error.message); }
    gone.set();`);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toBe('in the initializer\n');
});

test('tasks that were given in advance and are aborted are not begun', () => {
  const [go, begun] = [new Event(), new Value('i', 0)];
  const task = (wait: boolean): void => {
    begun.add(1);
    if (wait) go.wait(patience);
  };
  return withPool(1, (pool) => {
    for (const result of numbers(40).map(() => pool.applyAsync(task, [false]))) result.get();
    const controller = new AbortController();
    const { signal } = controller;
    const first = pool.applyAsync(task, [true]);
    const aborted = numbers(5).map(() => pool.applyAsync(task, [false], { signal }));
    const last = pool.applyAsync(task, [false]);
    controller.abort(new RangeError('stop'));
    go.set();
    first.get(patience);
    last.get(patience);
    for (const result of aborted) expect(errorOf(() => result.get())).toBe('RangeError: stop');
    expect(begun.value).toBe(40 + 2);
    expect(pool.stats().deaths).toBe(0);
  });
});

test('a hook of the codec cannot wait for a pool that reads a result', () =>
  withPool(1, (pool) => {
    class Nested {}
    register(Nested, {
      name: 'test.PoolPayloads.NestedResult',
      reduce: () => [],
      construct: () => {
        pool.apply(pid);
        return new Nested();
      },
    });
    const error = thrownBy(() => pool.apply(() => new Nested()));
    expect(error.constructor.name).toBe('UnpicklingError');
    expect(String(error.cause)).toBe(
      'RuntimeError: cannot wait for a pool while it reads a result',
    );
    expect(typeof pool.apply(pid)).toBe('number');
  }));

test.each([0, MIB])('a hook of the codec may end the pool; %d bytes behind it', async (size) => {
  const pool = new Pool(1);
  class Fatal {}
  register(Fatal, {
    name: `test.PoolPayloads.Fatal${size}`,
    reduce: () => pool.terminate(),
    construct: () => new Fatal(),
  });
  pool.apply(pid);
  const task = (...args: unknown[]): number => args.length;
  const result = pool.applyAsync(task, [new Fatal(), Buffer.alloc(size), Buffer.alloc(size)]);
  expect(errorOf(() => result.get(patience))).toMatch(/^PoolTerminatedError/);
  await pool.joinAsync();
});

test.each(['reduce', 'construct'])('process.exit() in %s ends the program', async (hook) => {
  const ended = await runSource(`
    const { posix, ProcessPoolExecutor, register } = require('multiproc');
    const parent = posix.getpid();
    const exit = (hook) => {
      if (hook === '${hook}' && posix.getpid() === parent) process.exit(7);
      return [];
    };
    class Fatal {}
    register(Fatal, { reduce: () => exit('reduce'), construct: () => exit('construct') });
    const executor = new ProcessPoolExecutor(1);
    const sleep = (x) => new Promise((resolve) => setTimeout(() => resolve(x), 50));
    const said = (future) => console.log(future.exception()?.message ?? future.result());
    executor.submit(sleep, 1).addDoneCallback(said);
    executor.submit(sleep, 2).addDoneCallback(said);
    executor.submit(() => '${hook}' === 'construct' ? new Fatal() : 0).addDoneCallback(said);
    if ('${hook}' === 'reduce') executor.submit(sleep, new Fatal()).addDoneCallback(said);
    executor.shutdown();`);
  expect(ended).toMatchObject({ code: 7, stderr: '' });
  expect(ended.stdout).toMatch(/^1\n2\n/);
});

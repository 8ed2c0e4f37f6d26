/** ProcessPoolExecutor: what ends workers at a bad moment, and what is too large. */

import {
  activeChildren,
  BrokenProcessPool,
  Event,
  MaybeEncodingError,
  posix,
  ProcessPoolExecutor,
  register,
  UnpicklingError,
  Value,
} from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import {
  type AnyFuture,
  ends,
  identity,
  killSelf,
  makeGate,
  throwing,
  withExecutor,
} from './lib/futures';
import { isAlive, numbers, sleep, square, thrownBy } from './lib/pool';
import { runSource } from './lib/run';

afterEach(expectNoChildren);

const parent = posix.getpid();
const inWorker = (): boolean => posix.getpid() !== parent;

/** A class whose instances cross as nothing, with what is called on both sides. */
class Hooked {}
let onReduce = (): void => undefined;
let onConstruct = (): void => undefined;
register(Hooked, {
  name: 'test.Hooked',
  reduce: () => onReduce(),
  construct: () => {
    onConstruct();
    return new Hooked();
  },
});
afterEach(() => {
  onReduce = () => undefined;
  onConstruct = () => undefined;
});

const onlyInWorker = (call: () => void) => (): void => {
  if (inWorker()) call();
};
const onlyInParent = (call: () => void) => (): void => {
  if (!inWorker()) call();
};

/** It alone is lost, because of its worker's end; others, before and after it, are done. */
async function expectLost(
  executor: ProcessPoolExecutor,
  begin: () => AnyFuture,
  how: object,
): Promise<void> {
  const before = executor.submit(square, 2);
  const lost = begin();
  const after = numbers(5).map((x) => executor.submit(square, x));
  const error = lost.exception(patience) as BrokenProcessPool;
  expect(error).toBeInstanceOf(BrokenProcessPool);
  expect(error).toMatchObject({ ...how, cause: how });
  expect(isAlive(error.pid!)).toBe(false);
  expect([before, ...after].map((future) => future.result(patience))).toEqual([4, 0, 1, 4, 9, 16]);
  expect(await rejectionOf(begin().then())).toMatch(/^BrokenProcessPool/);
  expect(await executor.submit(square, 3)).toBe(9);
}

describe('the argument is decoded in the worker', () => {
  test.each(ends)('C365: which %s', (_, end, how) => {
    onConstruct = onlyInWorker(end);
    return withExecutor(2, (executor) =>
      expectLost(executor, () => executor.submit(identity, new Hooked()), how),
    );
  });

  test('C365: and the retries are counted', () =>
    withExecutor(1, (executor) => {
      const attempts = new Value('i', 0);
      onConstruct = onlyInWorker(() => {
        attempts.value += 1;
        killSelf();
      });
      const lost = executor.submitWith({ retries: 2 }, identity, new Hooked());
      expect(lost.exception(patience)).toBeInstanceOf(BrokenProcessPool);
      expect(attempts.value).toBe(3);
    }));

  test('C365: what cannot be is an error of its own future', () =>
    withExecutor(1, (executor) => {
      const worker = executor.submit(() => posix.getpid());
      const pid = worker.result(patience);
      onConstruct = onlyInWorker(throwing);
      // Another function: the worker is one that knows the hook.
      const same = (x: unknown): unknown[] => [x, posix.getpid()];
      const [bad, good] = [executor.submit(same, new Hooked()), executor.submit(same, 1)];
      const error = bad.exception(patience) as Error;
      expect(error).toBeInstanceOf(UnpicklingError);
      expect(error.message).toBe('cannot unpickle: in the hook');
      const [value, next] = good.result(patience);
      expect(value).toBe(1);
      expect(next).not.toBe(pid);
      expect(executor.submit(same, 2).result(patience)).toEqual([2, next]);
    }));
});

describe('the call is made', () => {
  test.each(ends)('C366, C367: and the worker %s', (_, end, how) =>
    withExecutor(2, (executor) => expectLost(executor, () => executor.submit(end), how)),
  );

  test.each(ends)('C366, C367: after a while, and the worker %s', (_, end, how) => {
    const later = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      end();
    };
    return withExecutor(2, (executor) => expectLost(executor, () => executor.submit(later), how));
  });
});

describe('the result is encoded in the worker', () => {
  const makeHooked = (): unknown => ({ some: [new Hooked()] });

  test.each(ends)('C369, C370: which %s in a hook', (_, end, how) => {
    onReduce = onlyInWorker(end);
    return withExecutor(2, (executor) =>
      expectLost(executor, () => executor.submit(makeHooked), how),
    );
  });

  test.each(ends)('C369, C370: which %s in a getter', (_, end, how) => {
    const makeTrapped = (): unknown =>
      Object.defineProperty({}, 'x', { enumerable: true, get: end });
    return withExecutor(2, (executor) =>
      expectLost(executor, () => executor.submit(makeTrapped), how),
    );
  });

  test('C370: what cannot be is an error of its own future, and the worker goes on', () => {
    onReduce = onlyInWorker(throwing);
    const makers: [RegExp, () => unknown][] = [
      [/in the hook/, makeHooked],
      [/in the hook/, () => Object.defineProperty({}, 'x', { enumerable: true, get: throwing })],
      [/^PicklingError/, () => () => 1],
      [/^PicklingError/, () => new (class Unknown {})()],
    ];
    const make = (index: number): unknown => makers[index]?.[1]() ?? posix.getpid();
    return withExecutor(1, (executor) => {
      const pid = executor.submit(make, -1).result(patience);
      makers.forEach(([reason], index) => {
        const error = executor.submit(make, index).exception(patience) as MaybeEncodingError;
        expect(error).toBeInstanceOf(MaybeEncodingError);
        expect(error.exc).toMatch(reason);
      });
      expect(executor.submit(make, -1).result(patience)).toBe(pid);
    });
  });
});

describe('the result is decoded in the parent', () => {
  test('C371: what cannot be is an error of its own future', () => {
    onConstruct = onlyInParent(throwing);
    const make = (x: number): unknown => (x === 2 ? new Hooked() : x);
    return withExecutor(2, async (executor) => {
      const all = numbers(5).map((x) => executor.submit(make, x));
      const [bad] = all.splice(2, 1);
      expect(bad!.exception(patience)).toBeInstanceOf(UnpicklingError);
      expect(errorOf(() => bad!.result(0))).toBe('UnpicklingError: cannot unpickle: in the hook');
      expect(await Promise.all(all)).toEqual([0, 1, 3, 4]);
      expect(executor.submit(square, 3).result(patience)).toBe(9);
    });
  });

  test.each(['blocking', 'on the event loop'])('C371: which exits then, %s', async (how) => {
    const ended = await runSource(`
      const { posix, ProcessPoolExecutor, register } = require('multiproc');
      const parent = posix.getpid();
      class Exiting {}
      register(Exiting, {
        reduce: () => null,
        construct: () => process.exit(posix.getpid() === parent ? 5 : 6),
      });
      const executor = new ProcessPoolExecutor(1);
      const all = [executor.submit(() => new Exiting()), executor.submit(() => 'other')];
      all[0].addDoneCallback((future) => console.log(future.exception(0).name));
      all[1].addDoneCallback((future) => console.log(future.result(0)));
      if (${how === 'blocking'}) all[1].result(20);`);
    expect(ended).toMatchObject({ code: 5, stdout: 'ProcessError\nother\n', stderr: '' });
  });
});

test.each(['idle', 'busy'])(
  'C373: what cannot be encoded, before shutdown() of one that is %s',
  (how) => {
    const [executor, gate] = [new ProcessPoolExecutor(1), makeGate()];
    const busy = how === 'busy' ? [executor.submit(gate.pass, 1)] : [];
    onReduce = throwing;
    const bad = executor.submit(identity, new Hooked());
    executor.shutdown(false);
    expect(errorOf(() => bad.result(patience))).toMatch(
      /^(RangeError|PicklingError): .*in the hook/,
    );
    gate.open();
    for (const future of busy) expect(future.result(patience)).toBe(1);
    executor.shutdown();
    expect(activeChildren()).toEqual([]);
  },
);

describe('more than fits', () => {
  // More than the shared memory takes: it goes through the socket, in many parts.
  const big = Buffer.alloc(20_000_000, 'a');
  const sizeOf = (data: Buffer): number => data.length;

  test('C374: a worker that dies with a large argument', () =>
    withExecutor(2, (executor) => {
      const dies = (_data: Buffer): never => posix.exit(1);
      const results = executor.map(dies, Array(4).fill(big), { timeout: patience });
      for (let i = 0; i < 4; i++) {
        expect(thrownBy(() => results.next())).toBeInstanceOf(BrokenProcessPool);
      }
      expect(results.next().done).toBe(true);
      expect(executor.submit(sizeOf, big).result(patience)).toBe(big.length);
    }));

  test('C374: while the argument is written to it; another one does the task', () =>
    withExecutor(1, (executor) => {
      const first = executor.submit(sizeOf, Buffer.alloc(1));
      expect(first.result(patience)).toBe(1);
      const [worker] = activeChildren();
      posix.kill(worker!.pid!, 'SIGSTOP');
      const future = executor.submit(sizeOf, big);
      expect(errorOf(() => future.result(0.05))).toMatch(/^TimeoutError/);
      worker!.kill();
      expect(future.result(patience)).toBe(big.length);
    }));

  test('C374: while it writes a large result', () =>
    withExecutor(1, async (executor) => {
      const called = new Event();
      const make = (): Buffer => {
        const data = Buffer.alloc(20_000_000);
        called.set();
        return data;
      };
      const future = executor.submit(make);
      expect(called.wait(patience)).toBe(true);
      // Nobody reads, so it stays in the write.
      sleep(0.05);
      const [worker] = activeChildren();
      worker!.kill();
      expect(future.exception(patience)).toMatchObject({ pid: worker!.pid, signal: 'SIGKILL' });
      expect(executor.submit(square, 3).result(patience)).toBe(9);
      expect((await executor.submit(make)).length).toBe(20_000_000);
    }));

  test('C375: submit() never blocks, whatever waits', () =>
    withExecutor(1, (executor) => {
      const gate = makeGate();
      const data = Buffer.alloc(100_000);
      const blocked = executor.submit(gate.pass, 1);
      const all = numbers(200).map(() => executor.submit(sizeOf, data));
      gate.open();
      expect(all.every((future) => future.result(patience) === data.length)).toBe(true);
      expect(blocked.result(patience)).toBe(1);
    }));

  test('C375: nor when the worker reads nothing', () =>
    withExecutor(1, async (executor) => {
      const data = Buffer.alloc(10_000);
      // It is a quick one then, of which a worker gets many in advance.
      await Promise.all(numbers(100).map(() => executor.submit(sizeOf, data)));
      const pid = activeChildren()[0]!.pid!;
      posix.kill(pid, 'SIGSTOP');
      const all = numbers(500).map(() => executor.submit(sizeOf, data));
      posix.kill(pid, 'SIGCONT');
      const results = await Promise.all(all);
      expect(results.every((size) => size === data.length)).toBe(true);
    }));
});

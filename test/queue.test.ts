/** Queue: what CPython's tests assert of it, arguments, errors, messages of all sizes. */

import { inspect } from 'node:util';

import { Event, PicklingError, Queue } from 'multiproc';

import { errorOf, expectNoChildren, inChild, patience } from './lib/child';
import { expectEnd, started } from './lib/crew';

afterEach(expectNoChildren);

const soon = { timeout: patience };

/** Seconds that a call takes. */
function secondsOf(call: () => unknown): number {
  const begin = performance.now();
  call();
  return (performance.now() - begin) / 1000;
}

describe('put', () => {
  test('C038: a new queue is empty, not full; all ways to put work', () => {
    const queue = new Queue<number>(6);
    expect([queue.empty(), queue.full()]).toEqual([true, false]);
    queue.put(1);
    queue.put(2, true);
    queue.put(3, true, null);
    queue.put(4, false);
    queue.put(5, false, null);
    queue.putNowait(6);
    expect(Array.from({ length: 6 }, () => queue.get(soon))).toEqual([1, 2, 3, 4, 5, 6]);
    queue.put(7, { block: true });
    queue.put(8, { block: true, timeout: null });
    queue.put(9, { timeout: 1 });
    queue.put(10, { block: false, timeout: 1 });
    queue.put(11, {});
    queue.put(12, undefined, undefined);
    expect(Array.from({ length: 6 }, () => queue.get(soon))).toEqual([7, 8, 9, 10, 11, 12]);
  });

  test('C039: after maxsize puts it is full, not empty, at once', () => {
    const queue = new Queue(2);
    queue.put('a');
    expect([queue.empty(), queue.full()]).toEqual([false, false]);
    queue.put('b');
    expect([queue.empty(), queue.full()]).toEqual([false, true]);
  });

  test('C041: Full: after the timeout, or at once without blocking', () => {
    const queue = new Queue(1);
    queue.put(0);
    for (const call of [
      () => queue.put(1, true, 0.1),
      () => queue.put(1, { timeout: 0.1 }),
      () => queue.put(1, { block: true, timeout: 0.1 }),
    ]) {
      let error;
      expect(secondsOf(() => (error = errorOf(call)))).toBeGreaterThanOrEqual(0.099);
      expect(error).toBe('Full: ');
    }
    expect(errorOf(() => queue.put(1, false))).toBe('Full: ');
    expect(errorOf(() => queue.put(1, false, 1e6))).toBe('Full: ');
    expect(errorOf(() => queue.put(1, { block: false, timeout: 1e6 }))).toBe('Full: ');
    expect(errorOf(() => queue.putNowait(1))).toBe('Full: ');
    expect(errorOf(() => queue.put(1, true, -1))).toBe('Full: ');
    expect([queue.get(soon), queue.qsize()]).toEqual([0, 0]);
  });

  test('C042: after a consumer took all, it is empty and not full again', () => {
    const queue = new Queue<number>(3);
    const taken = new Event();
    const child = started(() => {
      for (let i = 0; i < 3; i++) if (queue.get(soon) !== i) throw new Error(`not ${i}`);
      taken.set();
    });
    for (let i = 0; i < 3; i++) queue.put(i);
    expect(taken.wait(patience)).toBe(true);
    expect([queue.empty(), queue.full(), queue.qsize()]).toEqual([true, false, 0]);
    expectEnd(child);
  });

  test('put() waits for the place that a consumer in another process makes', () => {
    const queue = new Queue(1);
    queue.put('first');
    const child = started(() => queue.get(soon));
    queue.put('second', soon);
    expect(queue.get(soon)).toBe('second');
    expectEnd(child);
  });

  test('C051, C053: what cannot cross is an error of put(), and the queue goes on', () => {
    const queue = new Queue(1);
    class Unknown {}
    let error: unknown;
    try {
      queue.put({ list: [1, new Unknown()] });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(PicklingError);
    expect((error as Error).message).toContain('list[1]');
    expect(errorOf(() => queue.put(() => 1))).toMatch(/^PicklingError: /);
    expect([queue.qsize(), queue.empty()]).toEqual([0, true]);
    queue.put('next');
    expect(queue.get(soon)).toBe('next');
  });

  test('what is done to a value after put() is not seen', () => {
    const queue = new Queue<{ list: number[]; bytes: Buffer }>();
    const value = { list: [1], bytes: Buffer.from('abc') };
    queue.put(value);
    value.list.push(2);
    value.bytes.fill(0);
    expect(queue.get(soon)).toEqual({ list: [1], bytes: Buffer.from('abc') });
  });
});

describe('get', () => {
  test('C043: items arrive first in, first out; all ways to get work', () => {
    const queue = new Queue<number>();
    const child = started(() => {
      for (let i = 1; i <= 8; i++) queue.put(i);
    });
    const got = [queue.get(), queue.get(true, null), queue.get(true), queue.get({ timeout: 1 })];
    expectEnd(child);
    got.push(queue.getNowait(), queue.get(false), queue.get({ block: false }), queue.get({}));
    expect(got).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([queue.empty(), errorOf(() => queue.getNowait())]).toEqual([true, 'Empty: ']);
  });

  test('C045: empty() turns false by the put of another process', () => {
    const queue = new Queue();
    const child = started(() => queue.put('x'));
    expectEnd(child);
    expect([queue.empty(), queue.qsize()]).toEqual([false, 1]);
    expect([queue.get(soon), queue.empty()]).toEqual(['x', true]);
  });

  test('C050: Empty after the timeout, not before; at once without blocking', () => {
    const queue = new Queue();
    for (const call of [() => queue.get(true, 0.2), () => queue.get({ timeout: 0.2 })]) {
      let error;
      expect(secondsOf(() => (error = errorOf(call)))).toBeGreaterThanOrEqual(0.199);
      expect(error).toBe('Empty: ');
    }
    expect(errorOf(() => queue.get(false))).toBe('Empty: ');
    expect(errorOf(() => queue.get(false, 1e6))).toBe('Empty: ');
    expect(errorOf(() => queue.get({ block: false, timeout: 1e6 }))).toBe('Empty: ');
    expect(errorOf(() => queue.get(true, -1))).toBe('Empty: ');
  });

  test('C047: qsize() is 0, 1, 2, 1, 0 with puts and gets; empty() agrees', () => {
    const queue = new Queue();
    const seen: [number, boolean][] = [];
    const look = (): void => void seen.push([queue.qsize(), queue.empty()]);
    const [put, get] = [(): void => queue.put(1), (): unknown => queue.get(soon)];
    for (const call of [() => null, put, put, get, get]) {
      call();
      look();
    }
    expect(seen).toEqual([
      [0, true],
      [1, false],
      [2, false],
      [1, false],
      [0, true],
    ]);
  });

  test('what was just put is got without blocking, however often', () => {
    const queue = new Queue();
    for (let i = 0; i < 300; i++) {
      queue.put(i);
      expect(queue.getNowait()).toBe(i);
    }
  });
});

describe('closed queues', () => {
  test('C054: close() and joinThread() of one never used do nothing; empty() is true', () => {
    const queue = new Queue();
    queue.close();
    queue.joinThread();
    expect(queue.empty()).toBe(true);
  });

  test('C055: after use, close() and joinThread(), empty() is an error', () => {
    const queue = new Queue();
    queue.put('foo');
    queue.get(soon);
    queue.close();
    queue.joinThread();
    expect(errorOf(() => queue.empty())).toBe('OSError: handle is closed');
  });

  test.each([true, false])('put and get are errors; used before: %s', (used) => {
    const queue = new Queue();
    if (used) {
      queue.put(1);
      queue.get(soon);
    }
    queue.close();
    queue.close();
    const closed = `ValueError: Queue ${queue.toString()} is closed`;
    expect(closed).toMatch(/Queue <Queue at [^ ]+> is closed$/);
    expect(errorOf(() => queue.put(1))).toBe(closed);
    expect(errorOf(() => queue.putNowait(1))).toBe(closed);
    expect(errorOf(() => queue.get())).toBe(closed);
    expect(errorOf(() => queue.get(false))).toBe(closed);
    expect(errorOf(() => queue.getNowait())).toBe(closed);
  });

  test('joinThread() needs close(); cancelJoinThread() does not', () => {
    const queue = new Queue();
    const notClosed = `AssertionError: Queue ${queue.toString()} not closed`;
    expect(errorOf(() => queue.joinThread())).toBe(notClosed);
    queue.put(1);
    expect(errorOf(() => queue.joinThread())).toBe(notClosed);
    queue.cancelJoinThread();
    queue.get(soon);
    queue.close();
    queue.joinThread();
  });

  test('what was put before close() is written; only this process has closed it', () => {
    const queue = new Queue<number>();
    const child = started(() => {
      for (let i = 0; i < 1000; i++) queue.put(i);
      queue.close();
      queue.joinThread();
    });
    for (let i = 0; i < 1000; i++) expect(queue.get(soon)).toBe(i);
    expectEnd(child);
    queue.put(-1);
    expect(queue.get(soon)).toBe(-1);
  });

  test('Symbol.dispose closes and waits', () => {
    const queue = new Queue();
    queue.put(1);
    queue.get(soon);
    queue[Symbol.dispose]();
    expect(errorOf(() => queue.put(1))).toMatch('is closed');
    queue.joinThread();
  });
});

describe('arguments', () => {
  test('maxsize: a number, an option, none', () => {
    for (const limited of [new Queue(1), new Queue({ maxsize: 1 })]) {
      limited.put(0);
      expect(limited.full()).toBe(true);
    }
    for (const free of [new Queue(), new Queue(0), new Queue(-1), new Queue({})]) {
      for (let i = 0; i < 10; i++) free.put(i);
      expect([free.full(), free.qsize()]).toEqual([false, 10]);
      free.cancelJoinThread();
    }
  });

  test.each([
    ['2', "TypeError: Expected an integer for maxsize but received '2' of type string"],
    [1.5, 'TypeError: Expected an integer for maxsize but received 1.5 of type number'],
    [NaN, 'TypeError: Expected an integer for maxsize but received NaN of type number'],
    [null, 'TypeError: Expected an integer for maxsize but received null of type object'],
    [
      { maxsize: 'x' },
      "TypeError: Expected an integer for maxsize but received 'x' of type string",
    ],
    [{ maxSize: 2 }, "TypeError: Queue() got an unexpected option 'maxSize': it takes maxsize"],
    [2 ** 31, 'OverflowError: Python int too large to convert to C int'],
  ])('new Queue(%p) is an error', (maxsize, error) => {
    expect(errorOf(() => new Queue(maxsize as number))).toBe(error);
  });

  test.each([
    [[1], 'TypeError: Expected a boolean for block but received 1 of type number'],
    [['no'], "TypeError: Expected a boolean for block but received 'no' of type string"],
    [
      [true, '1'],
      "TypeError: Expected a number of seconds or null for timeout but received '1' of type string",
    ],
    [
      [true, NaN],
      'TypeError: Expected a number of seconds or null for timeout but received NaN of type number',
    ],
    [
      [{ timeout: '1' }],
      "TypeError: Expected a number of seconds or null for timeout but received '1' of type string",
    ],
  ])('get(%p), and put() likewise, are errors that change nothing', (given, error) => {
    const queue = new Queue<string>();
    const [block, timeout] = given as [boolean, number];
    expect(errorOf(() => queue.put('x', block, timeout))).toBe(error);
    expect(queue.qsize()).toBe(0);
    queue.put('y');
    expect(errorOf(() => queue.get(block, timeout))).toBe(error);
    expect(queue.get(soon)).toBe('y');
  });

  test('the queue is shown like an object of Python', () => {
    const queue = new Queue();
    expect(String(queue)).toMatch(/^<Queue at \/mp-[^ ]+>$/);
    expect(inspect(queue)).toBe(String(queue));
  });
});

describe('messages', () => {
  /** Around the borders of cells (60 bytes each), of the scratch memory, and of the pipe. */
  const borders = [60, 120, 600, 4096, 61_440, 65_536, 131_072, 1_048_576];
  const lengths = [0, 1, 2, ...borders.flatMap((n) => [n - 2, n - 1, n, n + 1, n + 2])];

  test('buffers of all lengths around the borders arrive whole', () => {
    const queue = new Queue<Buffer>();
    for (const length of lengths) queue.put(patterned(length));
    for (const length of lengths) {
      const bytes = queue.get(soon);
      expect([length, patterned(length).equals(bytes)]).toEqual([length, true]);
    }
  });

  test('strings whose messages have every length from 1 to 400 bytes', () => {
    const queue = new Queue<string>();
    for (let length = 0; length < 400; length++) queue.put('x'.repeat(length));
    for (let length = 0; length < 400; length++) expect(queue.get(soon)).toBe('x'.repeat(length));
  });

  test('64 MiB from a child, and small ones before and after it', () => {
    const queue = new Queue<Buffer | string>();
    const child = started(() => {
      queue.put('before');
      queue.put(patterned(64 * 1024 * 1024));
      queue.put('after');
    });
    expect(queue.get(soon)).toBe('before');
    expect(patterned(64 * 1024 * 1024).equals(queue.get(soon) as Buffer)).toBe(true);
    expect(queue.get(soon)).toBe('after');
    expectEnd(child);
  });

  test('undefined, null, false and the like are values', () => {
    const queue = new Queue();
    const values = [undefined, null, false, 0, -0, NaN, '', 10n, [], new Map([[1, new Set([2])]])];
    for (const value of values) queue.put(value);
    expect(values.map(() => queue.get(soon))).toStrictEqual(values);
    expect(errorOf(() => queue.getNowait())).toBe('Empty: ');
  });

  test('values of a child: errors keep their class', () => {
    const queue = new Queue();
    expectEnd(started(() => queue.put(new RangeError('from the child'))));
    const error = queue.get(soon);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: 'from the child' });
  });
});

test('a child inherits what is in the queue, and qsize() is the same on both sides', () => {
  const queue = new Queue<string>(3);
  queue.put('a');
  queue.put('b');
  const seen = inChild(() => [queue.qsize(), queue.full(), queue.get(soon), queue.qsize()]);
  expect(seen).toEqual([2, false, 'a', 1]);
  expect([queue.qsize(), queue.get(soon), queue.empty()]).toEqual([1, 'b', true]);
});

function patterned(length: number): Buffer {
  const unit = Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 7 + 3) & 255));
  return Buffer.alloc(length, unit);
}

/** The asynchronous side of queues: the event loop is free while they wait. */

import { Event, JoinableQueue, Queue, SimpleQueue } from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { expectEnd, started } from './lib/crew';

afterEach(expectNoChildren);

const soon = { timeout: patience };
const later = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('getAsync', () => {
  test('waits for another process while timers run', async () => {
    const queue = new Queue<string>();
    const go = new SimpleQueue<string>();
    const child = started(() => {
      go.get();
      queue.put('from the child');
    });
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
      if (ticks === 5) go.put('now');
    }, 1);
    expect(await queue.getAsync()).toBe('from the child');
    expect(ticks).toBeGreaterThanOrEqual(5);
    clearInterval(timer);
    expectEnd(child);
  });

  test('Empty after the timeout, or at once without blocking', async () => {
    const queue = new Queue();
    const begin = performance.now();
    expect(await rejectionOf(queue.getAsync(true, 0.1))).toBe('Empty: ');
    expect(await rejectionOf(queue.getAsync({ timeout: 0.1 }))).toBe('Empty: ');
    // Node's timers may be up to a millisecond early.
    expect(performance.now() - begin).toBeGreaterThanOrEqual(197);
    expect(await rejectionOf(queue.getAsync(false))).toBe('Empty: ');
    expect(await rejectionOf(queue.getAsync({ block: false, timeout: 1e6 }))).toBe('Empty: ');
  });

  test('many at once get each message exactly once', async () => {
    const queue = new Queue<number>();
    const waiting = Array.from({ length: 200 }, () => queue.getAsync());
    const child = started(() => {
      for (let i = 0; i < 200; i++) queue.put(i);
    });
    const got = await Promise.all(waiting);
    expect(got.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(queue.qsize()).toBe(0);
    expectEnd(child);
  });

  test('one that is late loses nothing: who waits on gets the message', async () => {
    const queue = new Queue<string>();
    const first = rejectionOf(queue.getAsync({ timeout: 0.01 }));
    const second = queue.getAsync(soon);
    expect(await first).toBe('Empty: ');
    queue.put('x');
    expect(await second).toBe('x');
  });

  test('wrong arguments are rejections', async () => {
    const queue = new Queue();
    const error = 'TypeError: Expected a boolean for block but received 1 of type number';
    expect(await rejectionOf(queue.getAsync(1 as never))).toBe(error);
    expect(await rejectionOf(queue.putAsync(1, 1 as never))).toBe(error);
    expect(await rejectionOf(queue.putAsync(() => 1))).toMatch(/^PicklingError: /);
    expect(queue.qsize()).toBe(0);
  });
});

describe('putAsync', () => {
  test('waits for the place that another process makes', async () => {
    const queue = new Queue<number>(1);
    const child = started(() => {
      for (let i = 0; i < 50; i++) if (queue.get(soon) !== i) throw new Error(`not ${i}`);
    });
    for (let i = 0; i < 50; i++) await queue.putAsync(i);
    expectEnd(child);
    expect(queue.empty()).toBe(true);
  });

  test('Full after the timeout, or at once without blocking', async () => {
    const queue = new Queue<number>(1);
    await queue.putAsync(0);
    const begin = performance.now();
    expect(await rejectionOf(queue.putAsync(1, true, 0.1))).toBe('Full: ');
    expect(performance.now() - begin).toBeGreaterThanOrEqual(99);
    expect(await rejectionOf(queue.putAsync(1, false))).toBe('Full: ');
    expect(await rejectionOf(queue.putAsync(1, { block: false, timeout: 9 }))).toBe('Full: ');
    expect([queue.getNowait(), queue.qsize()]).toEqual([0, 0]);
  });

  test('a value that waits is the one that was given, whatever is serialised meanwhile', async () => {
    const [queue, other] = [new Queue<string>(1), new Queue<string>()];
    queue.put('first');
    const waiting = queue.putAsync('second');
    other.put('x'.repeat(1000));
    expect(queue.get(soon)).toBe('first');
    await waiting;
    expect([queue.get(soon), other.get(soon)]).toEqual(['second', 'x'.repeat(1000)]);
  });

  test('several that wait keep their order', async () => {
    const queue = new Queue<number>(1);
    const putting = Array.from({ length: 40 }, (_, i) => queue.putAsync(i));
    for (let i = 0; i < 40; i++) expect(await queue.getAsync(soon)).toBe(i);
    await Promise.all(putting);
  });

  test('one that gives up lets the others pass, in order', async () => {
    const queue = new Queue<string>(1);
    queue.put('a');
    const patient = queue.putAsync('b');
    const hasty = rejectionOf(queue.putAsync('never', { timeout: 0.05 }));
    const last = queue.putAsync('c');
    expect(await hasty).toBe('Full: ');
    const got: string[] = [];
    for (let i = 0; i < 3; i++) got.push(await queue.getAsync(soon));
    await Promise.all([patient, last]);
    expect(got).toEqual(['a', 'b', 'c']);
    expect(queue.qsize()).toBe(0);
  });

  test('a child may put while its parent waits to put', async () => {
    const queue = new Queue<string>(1);
    queue.put('a');
    const waiting = queue.putAsync('parent');
    const taken = new Event();
    const child = started(async () => {
      if (queue.get(soon) !== 'a') throw new Error('not a');
      taken.set();
      await queue.putAsync('child', soon);
    });
    expect(await taken.waitAsync(patience)).toBe(true);
    const got = [await queue.getAsync(soon), await queue.getAsync(soon)];
    await waiting;
    expect(got.sort()).toEqual(['child', 'parent']);
    expectEnd(child);
  });

  test('those that wait when the queue is closed fail, and take no place', async () => {
    const queue = new Queue<string>(1);
    queue.put('a');
    const waiting = [queue.putAsync('b'), queue.putAsync('c', { timeout: 1e6 })].map(rejectionOf);
    const closed = new Event();
    const child = started(() => {
      closed.wait(patience);
      if (queue.get(soon) !== 'a') throw new Error('not a');
      queue.put('d', soon);
      if (queue.get(soon) !== 'd') throw new Error('not d');
    });
    queue.close();
    const error = `ValueError: Queue ${queue.toString()} is closed`;
    expect(await Promise.all(waiting)).toEqual([error, error]);
    closed.set();
    expectEnd(child);
  });
});

describe('close', () => {
  test.each([true, false])('ends what waits in getAsync(); used before: %s', async (used) => {
    const queue = new Queue<string>();
    if (used) {
      queue.put('x');
      queue.get(soon);
    }
    const waiting = [queue.getAsync(), queue.getAsync({ timeout: 1e6 })].map(rejectionOf);
    await later(5);
    queue.close();
    const closed = `ValueError: Queue ${queue.toString()} is closed`;
    expect(await Promise.all(waiting)).toEqual([closed, closed]);
    expect(await rejectionOf(queue.getAsync())).toBe(closed);
    expect(await rejectionOf(queue.putAsync('x'))).toBe(closed);
  });

  test.each([true, false])('ends an iteration, also one that waits: %s', async (waits) => {
    const queue = new Queue<number>();
    for (let i = 0; i < 3; i++) queue.put(i);
    const got: number[] = [];
    for await (const value of queue) {
      got.push(value);
      if (value < 2) continue;
      if (waits) setTimeout(() => queue.close(), 5);
      else queue.close();
    }
    expect(got).toEqual([0, 1, 2]);
  });

  test('an iteration of a closed queue is over at once', async () => {
    const queue = new Queue();
    queue.close();
    const { done } = await queue[Symbol.asyncIterator]().next();
    expect(done).toBe(true);
  });

  test('joinThreadAsync() waits until all is written', async () => {
    const queue = new Queue<Buffer>();
    const child = started(() => queue.get(soon).length + queue.get(soon).length);
    queue.put(Buffer.alloc(1_000_000));
    queue.put(Buffer.alloc(10));
    expect(await rejectionOf(queue.joinThreadAsync())).toBe(
      `AssertionError: Queue ${queue.toString()} not closed`,
    );
    queue.close();
    await queue.joinThreadAsync();
    expectEnd(child);
  });

  test('Symbol.asyncDispose closes and waits', async () => {
    const queue = new Queue<number>();
    const child = started(() => queue.get(soon));
    queue.put(1);
    await queue[Symbol.asyncDispose]();
    expect(errorOf(() => queue.put(1))).toMatch('is closed');
    expectEnd(child);
  });
});

test('iteration leaves values to others: two consumers get all of them', async () => {
  const queue = new Queue<number>();
  const done = new Queue<number>();
  const child = started(async () => {
    for await (const value of queue) {
      if (value < 0) break;
      done.put(value);
    }
  });
  for (let i = 0; i < 100; i++) queue.put(i);
  const mine: number[] = [];
  while (mine.length + done.qsize() < 100) {
    const value = await queue.getAsync({ timeout: 0.01 }).catch(() => null);
    if (value !== null) mine.push(value);
  }
  queue.put(-1);
  expectEnd(child);
  while (!done.empty()) mine.push(done.get(soon));
  expect(mine.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

describe('SimpleQueue', () => {
  test('getAsync() and putAsync() of more than the pipe holds', async () => {
    const queue = new SimpleQueue<Buffer>();
    const putting = queue.putAsync(Buffer.alloc(300_000, 'x'));
    expect(Buffer.alloc(300_000, 'x').equals(await queue.getAsync())).toBe(true);
    await putting;
  });

  test('several that wait keep their order and their values', async () => {
    const queue = new SimpleQueue<string>();
    const values = Array.from({ length: 40 }, (_, i) => String(i).repeat(3000));
    const putting = values.map((value) => queue.putAsync(value));
    for (const value of values) expect(await queue.getAsync()).toBe(value);
    await Promise.all(putting);
  });

  test('close() ends what waits in getAsync()', async () => {
    const queue = new SimpleQueue();
    const waiting = rejectionOf(queue.getAsync());
    await later(5);
    queue.close();
    expect(await waiting).toBe('OSError: handle is closed');
    expect(await rejectionOf(queue.putAsync(1))).toBe('OSError: handle is closed');
  });

  test('close() while putAsync() writes: it goes on writing to the same pipe', async () => {
    const queue = new SimpleQueue<Buffer>();
    const child = started(() => {
      if (queue.get().length !== 500_000) throw new Error('cut off');
    });
    const putting = queue.putAsync(Buffer.alloc(500_000));
    await later(5);
    queue.close();
    const others = Array.from({ length: 4 }, () => new SimpleQueue());
    await putting;
    expectEnd(child);
    expect(others.map((other) => other.empty())).toEqual([true, true, true, true]);
  });
});

describe('JoinableQueue', () => {
  test('joinAsync() waits for another process while timers run', async () => {
    const queue = new JoinableQueue<number>();
    const child = started(async () => {
      for (let i = 0; i < 3; i++) {
        await queue.getAsync(soon);
        queue.taskDone();
      }
    });
    let ticked = false;
    setTimeout(() => (ticked = true), 1);
    for (let i = 0; i < 3; i++) await queue.putAsync(i);
    await later(2);
    await queue.joinAsync();
    expect(ticked).toBe(true);
    expectEnd(child);
  });
});

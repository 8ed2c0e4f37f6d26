/** SimpleQueue: a pipe with locks. */

import { inspect } from 'node:util';

import { Barrier, Event, SimpleQueue } from 'multiproc';

import { errorOf, expectNoChildren, patience } from './lib/child';
import { expectEnd, startCrew, started } from './lib/crew';

afterEach(expectNoChildren);

test('C290: empty() is right in parent and child, before and after puts', () => {
  const queue = new SimpleQueue<boolean>();
  const [childMayStart, parentMayGoOn] = [new Event(), new Event()];
  const child = started(() => {
    childMayStart.wait(patience);
    // Asked for twice: it must not take anything.
    queue.put(queue.empty() && queue.empty());
    queue.put(queue.empty());
    parentMayGoOn.set();
  });
  expect(queue.empty()).toBe(true);
  childMayStart.set();
  expect(parentMayGoOn.wait(patience)).toBe(true);
  expect(queue.empty()).toBe(false);
  expect([queue.get(), queue.get(), queue.empty()]).toEqual([true, false, true]);
  expectEnd(child);
});

test('C291: empty() after close() is an error, also of one never used', () => {
  const queue = new SimpleQueue();
  queue.close();
  expect(errorOf(() => queue.empty())).toBe('OSError: handle is closed');
});

test('after close() all is an error but close()', () => {
  const queue = new SimpleQueue();
  queue.put(1);
  expect(queue.get()).toBe(1);
  queue.close();
  queue.close();
  queue[Symbol.dispose]();
  expect(errorOf(() => queue.put(1))).toBe('OSError: handle is closed');
  expect(errorOf(() => queue.get())).toBe('OSError: handle is closed');
});

test('what cannot cross is an error of put(), and the queue goes on', () => {
  const queue = new SimpleQueue();
  expect(errorOf(() => queue.put({ f: () => 1 }))).toMatch(/^PicklingError: /);
  expect(queue.empty()).toBe(true);
  queue.put('next');
  expect(queue.get()).toBe('next');
});

test('put() blocks while the pipe is full, and goes on when somebody reads', () => {
  const queue = new SimpleQueue<Buffer | string>();
  const [began, ended] = [new Event(), new Event()];
  const child = started(() => {
    began.set();
    queue.put(Buffer.alloc(1_000_000, 'x'));
    ended.set();
  });
  began.wait(patience);
  expect(ended.wait(0.05)).toBe(false);
  expect(Buffer.alloc(1_000_000, 'x').equals(queue.get() as Buffer)).toBe(true);
  expect(ended.wait(patience)).toBe(true);
  expectEnd(child);
});

test('get() blocks until another process puts', () => {
  const queue = new SimpleQueue<string>();
  const answers = new SimpleQueue<string>();
  const child = started(() => answers.put(`${queue.get()} came`));
  queue.put('it');
  expect(answers.get()).toBe('it came');
  expectEnd(child);
});

test('messages of all sizes', () => {
  const queue = new SimpleQueue<Buffer>();
  const lengths = [0, 1, 50, 55, 56, 57, 58, 59, 60, 61, 119, 120, 121, 65_535, 65_536, 5_000_000];
  const child = started(() => {
    for (const length of lengths) queue.put(Buffer.alloc(length, `${length} `));
  });
  for (const length of lengths) {
    expect([length, queue.get().equals(Buffer.alloc(length, `${length} `))]).toEqual([
      length,
      true,
    ]);
  }
  expectEnd(child);
});

test('many writers, whose order holds, and many readers: each message comes once', () => {
  const queue = new SimpleQueue<[number, number] | null>();
  const results = new SimpleQueue<[number, number][]>();
  const start = new Barrier(6);
  const readers = startCrew(3, () => {
    const got: [number, number][] = [];
    start.wait(patience);
    for (let value = queue.get(); value !== null; value = queue.get()) got.push(value);
    results.put(got);
  });
  const writers = startCrew(3, (index) => {
    start.wait(patience);
    for (let i = 0; i < 300; i++) queue.put([index, i]);
  });
  expectEnd(...writers);
  readers.forEach(() => queue.put(null));
  const lists = readers.map(() => results.get());
  expectEnd(...readers);
  for (const list of lists) {
    for (const writer of [0, 1, 2]) {
      const numbers = list.filter(([from]) => from === writer).map(([, i]) => i);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  }
  const all = lists.flat().map(([from, i]) => from * 300 + i);
  expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 900 }, (_, i) => i));
});

test('it is shown like an object of Python', () => {
  const queue = new SimpleQueue();
  expect(String(queue)).toMatch(/^<SimpleQueue at \/mp-[^ ]+>$/);
  expect(inspect(queue)).toBe(String(queue));
});

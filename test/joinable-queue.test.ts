/** JoinableQueue: what was put is told to be done with. */

import { Event, JoinableQueue, Queue } from 'multiproc';

import { errorOf, expectNoChildren, patience } from './lib/child';
import { expectEnd, startCrew, started } from './lib/crew';

afterEach(expectNoChildren);

const soon = { timeout: patience };

test('join() returns at once while nothing was put, and after all is done with', () => {
  const queue = new JoinableQueue<string>();
  queue.join();
  queue.put('a');
  queue.get(soon);
  queue.taskDone();
  queue.join();
  expect(queue).toBeInstanceOf(Queue);
});

test('join() waits until the consumers are done with all', () => {
  const queue = new JoinableQueue<number | null>();
  const done = new Queue<number>();
  const crew = startCrew(3, () => {
    for (;;) {
      const value = queue.get(soon);
      if (value !== null) done.put(value);
      queue.taskDone();
      if (value === null) return;
    }
  });
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 50; i++) queue.put(i);
    queue.join();
    expect([queue.qsize(), done.qsize()]).toEqual([0, 50]);
    const values = Array.from({ length: 50 }, () => done.get(soon));
    expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  }
  crew.forEach(() => queue.put(null));
  queue.join();
  expectEnd(...crew);
});

test('a value that was got counts until taskDone()', async () => {
  const queue = new JoinableQueue<number>();
  queue.put(1);
  queue.get(soon);
  let joined = false;
  const joining = queue.joinAsync().then(() => (joined = true));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(joined).toBe(false);
  queue.taskDone();
  await joining;
});

test('several join() at once', () => {
  const queue = new JoinableQueue<number>();
  const tellDone = new Event();
  queue.put(1);
  const crew = startCrew(3, () => {
    queue.join();
  });
  const worker = started(() => {
    queue.get(soon);
    tellDone.wait(patience);
    queue.taskDone();
  });
  tellDone.set();
  queue.join();
  expectEnd(worker, ...crew);
});

test('taskDone() more often than put() is an error', () => {
  const queue = new JoinableQueue<number>();
  const error = 'ValueError: task_done() called too many times';
  expect(errorOf(() => queue.taskDone())).toBe(error);
  queue.put(1);
  queue.get(soon);
  queue.taskDone();
  expect(errorOf(() => queue.taskDone())).toBe(error);
  queue.join();
});

test('what is not put does not count: Full, a value that cannot cross', () => {
  const queue = new JoinableQueue<unknown>({ maxsize: 1 });
  expect(errorOf(() => queue.put(() => 1))).toMatch(/^PicklingError: /);
  queue.join();
  queue.put(1);
  expect(errorOf(() => queue.put(2, false))).toBe('Full: ');
  queue.get(soon);
  queue.taskDone();
  queue.join();
});

test('it is a Queue in all else: order, close(), its name', () => {
  const queue = new JoinableQueue<number>();
  for (let i = 0; i < 5; i++) queue.put(i);
  expect(Array.from({ length: 5 }, () => queue.get(soon))).toEqual([0, 1, 2, 3, 4]);
  queue.close();
  queue.joinThread();
  expect(errorOf(() => queue.put(1))).toMatch(
    /^ValueError: Queue <JoinableQueue at [^ ]+> is closed$/,
  );
});

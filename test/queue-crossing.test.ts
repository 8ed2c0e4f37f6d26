/** Objects of the library on their way to a process that was forked before they were made. */

import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Connection,
  Event,
  JoinableQueue,
  Lock,
  Pipe,
  Process,
  Queue,
  RLock,
  Semaphore,
  SimpleQueue,
} from 'multiproc';

import { expectNoChildren, patience } from './lib/child';
import { expectEnd, started } from './lib/crew';

afterEach(expectNoChildren);

const soon = { timeout: patience };

/** A way to hand an object to an older child: how to give, how to take. */
interface Way {
  give(object: unknown): void;
  take(): unknown;
}

const ways: [string, () => Way][] = [
  [
    'Pipe()',
    () => {
      const [a, b] = Pipe();
      return { give: (object) => a.send(object), take: () => b.recv() };
    },
  ],
  [
    'Queue',
    () => {
      const queue = new Queue();
      return { give: (object) => queue.put(object), take: () => queue.get(soon) };
    },
  ],
  [
    'SimpleQueue',
    () => {
      const queue = new SimpleQueue();
      return { give: (object) => queue.put(object), take: () => queue.get() };
    },
  ],
];

/** Starts a child that takes an object and does something with it. */
function olderChild<T>(way: Way, use: (object: T) => unknown): Process {
  return started(() => use(way.take() as T));
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

describe.each(ways)('through a %s', (_, make) => {
  let way: Way;
  beforeEach(() => {
    way = make();
  });

  test('Queue: both sides put and get', () => {
    const child = olderChild(way, (queue: Queue<string>) => {
      check(queue instanceof Queue, 'no Queue');
      check(queue.get(soon) === 'question', 'not what was put');
      queue.put('answer');
    });
    const queue = new Queue<string>(1);
    way.give(queue);
    queue.put('question');
    expectEnd(child);
    expect(queue.full()).toBe(true);
    expect(queue.get(soon)).toBe('answer');
  });

  test('Queue: what is in it when it is sent is got, and counted', () => {
    const child = olderChild(way, (queue: Queue<number>) => {
      check(queue.qsize() === 3, 'qsize() is not 3');
      check(queue.get(soon) + queue.get(soon) === 3, 'not 1 and 2');
    });
    const queue = new Queue<number>();
    for (const i of [1, 2, 3]) queue.put(i);
    way.give(queue);
    expectEnd(child);
    expect([queue.qsize(), queue.get(soon), queue.empty()]).toEqual([1, 3, true]);
  });

  test('JoinableQueue: join() waits for the other side', () => {
    const child = olderChild(way, (queue: JoinableQueue<number>) => {
      check(queue instanceof JoinableQueue, 'no JoinableQueue');
      for (let i = 0; i < 3; i++) {
        queue.get(soon);
        queue.taskDone();
      }
    });
    const queue = new JoinableQueue<number>();
    way.give(queue);
    for (let i = 0; i < 3; i++) queue.put(i);
    queue.join();
    expect(queue.empty()).toBe(true);
    expectEnd(child);
  });

  test('SimpleQueue', () => {
    const child = olderChild(way, (queue: SimpleQueue<string>) => queue.put(`${queue.get()}!`));
    const queue = new SimpleQueue<string>();
    queue.put('hello');
    way.give(queue);
    expectEnd(child);
    expect(queue.get()).toBe('hello!');
  });

  test.each([
    ['Lock', Lock],
    ['RLock', RLock],
  ])('%s: who holds it shuts the other out', (_name, Class) => {
    const tried = new Event();
    const child = olderChild(way, (lock: Lock | RLock) => {
      check(lock instanceof Class, 'another class');
      check(!lock.acquire(false), 'not locked');
      tried.set();
      check(lock.acquire(soon), 'not free in time');
    });
    const lock = new Class();
    lock.acquire();
    way.give(lock);
    expect(tried.wait(patience)).toBe(true);
    lock.release();
    expectEnd(child);
  });

  test.each([
    ['Semaphore', Semaphore],
    ['BoundedSemaphore', BoundedSemaphore],
  ])('%s', (_name, Class) => {
    const child = olderChild(way, (semaphore: Semaphore) => {
      check(semaphore instanceof Class, 'another class');
      check(semaphore.getValue() === 2, 'another value');
      semaphore.acquire();
    });
    const semaphore = new Class(2);
    way.give(semaphore);
    expectEnd(child);
    expect(semaphore.getValue()).toBe(1);
  });

  test('Event and Condition', () => {
    const child = olderChild(way, ([event, condition]: [Event, Condition]) => {
      condition.with(() => {
        event.set();
        check(condition.wait(patience), 'nobody notified');
      });
    });
    const [event, condition] = [new Event(), new Condition()];
    way.give([event, condition]);
    expect(event.wait(patience)).toBe(true);
    condition.with(() => condition.notify());
    expectEnd(child);
  });

  test('Barrier', () => {
    const child = olderChild(way, (barrier: Barrier) => {
      check(barrier.parties === 2, 'other parties');
      barrier.wait(patience);
      barrier.wait(patience);
    });
    const barrier = new Barrier(2);
    way.give(barrier);
    barrier.wait(patience);
    barrier.wait(patience);
    expectEnd(child);
  });

  test('Connection: the sender may close its own at once', () => {
    const child = olderChild(way, (connection: Connection) => connection.send('from the child'));
    const [mine, its] = Pipe();
    way.give(its);
    expect(mine.recv()).toBe('from the child');
    expectEnd(child);
    its.close();
  });

  test('the same object twice in a message is one on the other side', () => {
    const child = olderChild(way, (locks: Lock[]) => {
      locks[0]!.acquire();
      check(locks[1]!.locked(), 'another lock');
      check(locks[0] === locks[1], 'two objects');
      locks[0]!.release();
    });
    const lock = new Lock();
    way.give([lock, lock]);
    expectEnd(child);
  });

  test('an object goes on to a third process, and back', () => {
    const next = new SimpleQueue<string>();
    const [there, back] = [Pipe(), Pipe()];
    const third = started(() => {
      const queue = there[1].recv<Queue<string>>();
      queue.put('third');
      back[0].send(queue);
      next.get();
    });
    const second = olderChild(way, (queue: Queue<string>) => {
      queue.put('second');
      there[0].send(queue);
    });
    const queue = new Queue<string>();
    way.give(queue);
    const returned = back[1].recv<Queue<string>>();
    next.put('end');
    expectEnd(second, third);
    expect([queue.get(soon), returned.get(soon)].sort()).toEqual(['second', 'third']);
    expect([queue.empty(), returned.empty()]).toEqual([true, true]);
  });
});

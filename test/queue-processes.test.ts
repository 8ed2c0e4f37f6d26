/** Queues of many processes: order, sums, forks in the midst of feeding, grandchildren, the end. */

import { Barrier, Event, Process, Queue } from 'multiproc';

import { errorOf, expectNoChildren, patience } from './lib/child';
import { expectEnd, startCrew, started } from './lib/crew';
import { runSource } from './lib/run';

afterEach(expectNoChildren);

const soon = { timeout: patience };

describe.each([
  ['small', 10, 400, 0],
  ['bounded', 10, 400, 3],
  ['of several cells', 1000, 200, 0],
  ['longer than the pipe', 100_000, 20, 0],
])('4 producers and 3 consumers: messages %s', (_, size, count, maxsize) => {
  test('each comes once; those of one producer in order', () => {
    const queue = new Queue<[number, number, Buffer] | null>(maxsize);
    const results = new Queue<[number, number][]>();
    const start = new Barrier(7);
    const consumers = startCrew(3, () => {
      const got: [number, number][] = [];
      start.wait(patience);
      for (let value = queue.get(soon); value !== null; value = queue.get(soon)) {
        const [from, i, bytes] = value;
        if (!bytes.equals(Buffer.alloc(size, `${from} ${i} `))) throw new Error('not whole');
        got.push([from, i]);
      }
      results.put(got);
    });
    const producers = startCrew(4, (from) => {
      start.wait(patience);
      for (let i = 0; i < count; i++) queue.put([from, i, Buffer.alloc(size, `${from} ${i} `)]);
    });
    expectEnd(...producers);
    consumers.forEach(() => queue.put(null));
    const lists = consumers.map(() => results.get(soon));
    expectEnd(...consumers);
    expect([queue.qsize(), queue.empty()]).toEqual([0, true]);
    for (const list of lists) {
      for (const producer of [0, 1, 2, 3]) {
        const numbers = list.filter(([from]) => from === producer).map(([, i]) => i);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    }
    const all = lists.flat().map(([from, i]) => from * count + i);
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 4 * count }, (__, i) => i));
  });
});

describe('fork', () => {
  test('C046: a child forked while the feeder of its parent runs puts by its own', () => {
    const queue = new Queue<number>();
    for (let i = 0; i < 10; i++) queue.put(i);
    const child = started(() => {
      for (let i = 10; i < 20; i++) queue.put(i);
    });
    expectEnd(child);
    const got = Array.from({ length: 20 }, () => queue.get(soon));
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(errorOf(() => queue.get(false))).toBe('Empty: ');
  });

  test('children forked while the feeder writes large messages: nothing is doubled or torn', () => {
    const queue = new Queue<[number, Buffer]>();
    const children: Process[] = [];
    for (let i = 0; i < 8; i++) {
      queue.put([i, Buffer.alloc(300_000, i)]);
      children.push(started(() => queue.put([100 + i, Buffer.alloc(200_000, 100 + i)])));
    }
    const got = Array.from({ length: 16 }, () => {
      const [id, bytes] = queue.get(soon);
      if (bytes.some((byte) => byte !== id)) throw new Error(`message ${id} is torn`);
      return id;
    });
    expectEnd(...children);
    expect(got.filter((id) => id < 100)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(got.filter((id) => id >= 100).sort()).toEqual([...Array(8).keys()].map((i) => 100 + i));
    expect(queue.empty()).toBe(true);
  });

  test('a queue used by grandchildren, and made by a child for its own', () => {
    const queue = new Queue<string>();
    const child = started(() => {
      const inner = new Queue<string>();
      const grandchildren = startCrew(2, (index) => {
        queue.put(`grandchild ${index}`);
        inner.put(`inner ${index}`);
      });
      for (const grandchild of grandchildren) grandchild.join(patience);
      queue.put(inner.get(soon));
      queue.put(inner.get(soon));
      queue.put('child');
    });
    const got = Array.from({ length: 5 }, () => queue.get(soon));
    expectEnd(child);
    expect(got.sort()).toEqual(['child', 'grandchild 0', 'grandchild 1', 'inner 0', 'inner 1']);
  });

  test('a child closes the queue for itself only; so does its parent', () => {
    const queue = new Queue<string>();
    queue.put('parent');
    const closed = new Event();
    const child = started(() => {
      queue.put('child');
      closed.wait(patience);
      queue.put('child again');
      queue.close();
      queue.joinThread();
    });
    const got = [queue.get(soon), queue.get(soon)];
    const reader = started(() => {
      if (queue.get(soon) !== 'child again') throw new Error('something else');
    });
    queue.close();
    queue.joinThread();
    closed.set();
    expectEnd(child, reader);
    expect(got.sort()).toEqual(['child', 'parent']);
  });
});

describe('the end of a process', () => {
  const large = 1_000_000;

  test.each([
    ['return', () => undefined],
    ['a promise', () => new Promise((resolve) => setTimeout(resolve, 1))],
  ])('of a child by %s waits until its message is read', (_, end) => {
    const queue = new Queue<Buffer>();
    const child = started(() => {
      queue.put(Buffer.alloc(large, 'a'));
      queue.put(Buffer.alloc(10, 'b'));
      return end();
    });
    child.join(0.1);
    expect(child.exitcode).toBe(null);
    expect(queue.get(soon).equals(Buffer.alloc(large, 'a'))).toBe(true);
    expect(queue.get(soon)).toEqual(Buffer.alloc(10, 'b'));
    expectEnd(child);
  });

  test('of a child by process.exit() waits, too', async () => {
    const ended = await runSource(`
      const { Process, Queue } = require('multiproc');
      const queue = new Queue();
      const child = new Process({ target() {
        queue.put(Buffer.alloc(${large}));
        process.exit(4);
      } });
      child.start();
      child.join(0.1);
      console.log(child.exitcode, queue.get().length);
      child.join();
      console.log(child.exitcode);`);
    expect(ended).toMatchObject({ stdout: `null ${large}\n4\n`, stderr: '' });
  });

  test('does not wait after cancelJoinThread(), before or after put(); the others go on', () => {
    for (const before of [true, false]) {
      const queue = new Queue<Buffer>();
      const child = started(() => {
        if (before) queue.cancelJoinThread();
        queue.put(Buffer.alloc(large));
        if (!before) queue.cancelJoinThread();
      });
      expectEnd(child);
      queue.put(Buffer.from('mine'));
      // What the child has begun to write is passed over.
      expect(queue.get(soon)).toEqual(Buffer.from('mine'));
    }
  });

  test('keeps the exit code', () => {
    const queue = new Queue<Buffer>();
    const child = started(() => {
      queue.put(Buffer.alloc(large));
      process.exitCode = 3;
    });
    expect(queue.get(soon).length).toBe(large);
    child.join(patience);
    expect(child.exitcode).toBe(3);
  });

  const put = `
    const { Process, Queue } = require('multiproc');
    const queue = new Queue();
    queue.put(Buffer.alloc(${large}));`;

  test.each([
    ['natural', ''],
    ['process.exit()', 'process.exit(0);'],
    ['a closed queue', 'queue.close();'],
    ['a second queue', 'new Queue().put(Buffer.alloc(1e6));'],
    [
      'a child that has ended',
      'const child = new Process({ target() {} }); child.start(); child.join();',
    ],
    ['a daemon', 'new Process({ target: () => new Promise(() => {}), daemon: true }).start();'],
  ])('of a program does not wait for what nobody can read: %s', async (_, text) => {
    const ended = await runSource(`${put} ${text}`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('of a program waits for its children, who may wait for their own feeders', async () => {
    const ended = await runSource(`
      const { Process, Queue } = require('multiproc');
      const queue = new Queue();
      const start = (target) => new Process({ target }).start();
      start(() => queue.put(Buffer.alloc(${large})));
      start(() => console.log(queue.get().length));`);
    expect(ended).toMatchObject({ code: 0, stdout: '1000000\n', stderr: '' });
  });

  test('tells after 5 seconds what it waits for', async () => {
    const ended = await runSource(`
      const { posix, Process, Queue } = require('multiproc');
      const queue = new Queue();
      const child = new Process({ target() {
        queue.put(Buffer.alloc(1e6));
        process.on('exit', () => console.log('child ends', queue.toString()));
      } });
      child.start();
      child.join(5.5);
      console.log(child.exitcode, queue.get().length);`);
    const name = /child ends (.*)\n/.exec(ended.stdout)![1]!;
    expect(ended.stdout).toContain('null 1000000\n');
    expect(ended.stderr).toBe(
      `multiproc: the end of this process waits until what it has put into ${name} is read\n`,
    );
  });
});

/** The heap of shared memory: which ranges it hands out, and when memory goes back. */

import { readdirSync, readlinkSync } from 'node:fs';

import { Process } from 'multiproc';
import { Block, Heap } from 'multiproc/heap';

import { errorOf, exitcodeOf, expectNoChildren } from './lib/child';
import { runProgram } from './lib/run';

afterEach(expectNoChildren);

type Range = ReturnType<Heap['malloc']>;

/** Numbers that look random, the same ones each time. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** Free and used ranges lie side by side, without gaps, and fill all arenas. */
function expectTiled(heap: Heap, used: Iterable<Range>): void {
  const ranges = [...used, ...heap.free];
  let total = 0;
  for (const arena of heap.arenas) {
    const own = ranges.filter((range) => range.arena === arena).sort((a, b) => a.start - b.start);
    let end = 0;
    for (const { start, stop } of own) {
      expect(start).toBe(end);
      expect(stop).toBeGreaterThan(start);
      end = stop;
    }
    expect(end).toBe(arena.size);
    total += end;
  }
  const inRanges = ranges.reduce((sum, { start, stop }) => sum + stop - start, 0);
  expect(inRanges).toBe(total);
}

test('C219: 5000 random allocations and releases leave no gap, no overlap and no arena', () => {
  const random = randomNumbers(219);
  const below = (limit: number): number => Math.floor(random.next().value * limit);
  // Every arena counts as a large one, which goes back when it is empty.
  const heap = new Heap(4096, 4096);
  const used: Range[] = [];
  let mallocs = 0;
  let releases = 0;
  const release = (index: number): void => {
    heap.release(used.splice(index, 1)[0]!);
    releases += 1;
  };
  for (let step = 0; step < 5000; step++) {
    const size = Math.floor(Math.exp(random.next().value * Math.log(4000)));
    const range = heap.malloc(size);
    mallocs += 1;
    expect(range.stop - range.start).toBeGreaterThanOrEqual(size);
    expect(range.start % 8).toBe(0);
    used.push(range);
    if (used.length > 100) release(below(used.length));
    if (used.length > 0 && below(3) === 0) release(below(used.length));
    if (step % 100 === 0) expectTiled(heap, used);
  }
  expectTiled(heap, used);
  while (used.length > 0) release(below(used.length));
  expect(releases).toBe(mallocs);
  expect([heap.arenas.size, heap.free.size]).toEqual([0, 0]);
});

test('an empty heap keeps its small arenas, each in one piece', () => {
  const heap = new Heap(4096, 65536);
  const used = [100, 5000, 9000, 1].map((size) => heap.malloc(size));
  const arenas = heap.arenas.size;
  for (const range of used) heap.release(range);
  expect(heap.arenas.size).toBe(arenas);
  expect(Array.from(heap.free, ({ stop }) => stop).sort()).toEqual(
    Array.from(heap.arenas, ({ size }) => size).sort(),
  );
  // What is free is used again.
  heap.malloc(4000);
  expect(heap.arenas.size).toBe(arenas);
});

test('arenas grow, and a large block gets one of its own size', () => {
  const heap = new Heap(4096, 16384);
  const sizes = (): number[] => Array.from(heap.arenas, ({ size }) => size);
  for (let count = 0; count < 4; count++) heap.malloc(4096);
  expect(sizes()).toEqual([4096, 8192, 16384]);
  heap.malloc(100_000);
  expect(sizes().at(-1)).toBe(102_400);
});

test('a block is zeroed, has a name of its own, and is seen by children', () => {
  const blocks = [1, 8, 9, 5000].map((size) => Block.allocate(size));
  expect(new Set(blocks.map(({ name }) => name)).size).toBe(4);
  for (const { buffer } of blocks)
    expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
  const bytes = blocks.map(({ buffer }) => new Uint8Array(buffer));
  expect(exitcodeOf(new Process({ target: () => bytes.forEach((array) => array.fill(7)) }))).toBe(
    0,
  );
  for (const array of bytes) expect(array.every((byte) => byte === 7)).toBe(true);
});

test('a block that was sent is received as the same memory', () => {
  const block = Block.allocate(16);
  const address = block.send();
  const received = Block.receive(address);
  expect(received.name).toBe(block.name);
  new Uint8Array(received.buffer)[3] = 9;
  expect(new Uint8Array(block.buffer)[3]).toBe(9);
});

test('an address that is none is an error', () => {
  const address = Block.allocate(16).send();
  const wrong = { ...address, start: address.size, stop: address.size + 8 };
  expect(errorOf(() => Block.receive(wrong))).toMatch(/^ValueError: no block at /);
});

test('no heap leaves a name in /dev/shm', () => {
  Block.allocate(100);
  const own = readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((path) => path.startsWith('/dev/shm/mp-'));
  expect(own.length).toBeGreaterThan(0);
  for (const path of own) expect(path).toMatch(/ \(deleted\)$/);
});

test('collected blocks are given back, also those of before a fork', async () => {
  const ended = await runProgram('heap-leak.js', { nodeArgs: ['--expose-gc'], deadline: 25 });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const seen = JSON.parse(ended.stdout) as Record<string, unknown>;
  expect(seen).toEqual({
    descriptors: 'flat',
    memory: 'flat',
    descriptorsAcrossForks: 'flat',
    zeroed: true,
    reusedWithoutFork: true,
    childKeepsItsMemory: true,
  });
});

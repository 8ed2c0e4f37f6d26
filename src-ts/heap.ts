/**
 * Small pieces of shared memory: CPython's multiprocessing/heap.py. Blocks lie in arenas, which are
 * shared memory objects without a name: each vanishes with the last process that has it.
 */

import { ValueError } from './errors';
import { createShared, Mapping, randomName } from './mapping';
import { forks, type MappingHandle, ownPid, posix } from './native';
import type { DescriptorSink, DescriptorSource } from './serialization';

const ALIGNMENT = 8;
const PAGE = 4096;
const FIRST_ARENA = 64 * 1024;
/** An arena of this size is given back when nothing in it is used. */
const LARGEST_ARENA = 4 * 1024 * 1024;

/** A shared memory object, mapped. */
class Arena {
  readonly mapping: Mapping;
  /** How many blocks this process uses in it. */
  used = 0;
  /** Up to here there may be old contents. */
  touched = 0;

  constructor(
    readonly id: string,
    readonly fd: number,
    readonly size: number,
  ) {
    this.mapping = new Mapping(fd, size);
    arenas.set(id, this);
  }

  static create(size: number): Arena {
    const { fd, name } = createShared(() => randomName('/mp-'), size);
    posix.shmUnlink(name);
    return new Arena(`${name}-${ownPid}`, fd, size);
  }

  /** The memory itself stays until the last block's buffer is gone. */
  close(): void {
    arenas.delete(this.id);
    posix.close(this.fd);
  }
}

/** Those that this process has: its own, inherited ones, and those of blocks that others sent. */
const arenas = new Map<string, Arena>();

interface Range {
  readonly arena: Arena;
  readonly start: number;
  readonly stop: number;
}

const lengthOf = ({ start, stop }: Range): number => stop - start;

/** Which ranges of some arenas are free. */
export class Heap {
  readonly arenas = new Set<Arena>();
  readonly free = new Set<Range>();
  readonly #byStart = new Map<string, Range>();
  readonly #byStop = new Map<string, Range>();
  #nextSize: number;
  readonly #largest: number;

  constructor(firstArena = FIRST_ARENA, largestArena = LARGEST_ARENA) {
    this.#nextSize = firstArena;
    this.#largest = largestArena;
  }

  /** The best fitting free range, cut to size. */
  malloc(size: number): Range {
    const length = Math.max(Math.ceil(size / ALIGNMENT), 1) * ALIGNMENT;
    const { arena, start, stop } = this.#take(this.#bestFit(length) ?? this.#grow(length));
    if (start + length < stop) this.#give({ arena, start: start + length, stop });
    arena.used += 1;
    return { arena, start, stop: start + length };
  }

  /** Gives a range back; with the last one of a large arena goes the arena. */
  release(range: Range): void {
    range.arena.used -= 1;
    const whole = this.#give(range);
    if (lengthOf(whole) < whole.arena.size || whole.arena.size < this.#largest) return;
    this.#take(whole);
    this.arenas.delete(whole.arena);
    whole.arena.close();
  }

  #bestFit(length: number): Range | undefined {
    let best: Range | undefined;
    for (const range of this.free) {
      const fits = lengthOf(range) >= length;
      if (fits && (best === undefined || lengthOf(range) < lengthOf(best))) best = range;
    }
    return best;
  }

  #grow(length: number): Range {
    const arena = Arena.create(Math.max(this.#nextSize, Math.ceil(length / PAGE) * PAGE));
    this.#nextSize = Math.min(this.#nextSize * 2, this.#largest);
    this.arenas.add(arena);
    return this.#give({ arena, start: 0, stop: arena.size });
  }

  /** Adds a free range, joined with its free neighbours. */
  #give(range: Range): Range {
    const { arena } = range;
    const before = this.#byStop.get(`${arena.id} ${range.start}`);
    const after = this.#byStart.get(`${arena.id} ${range.stop}`);
    if (before !== undefined) this.#take(before);
    if (after !== undefined) this.#take(after);
    const whole = { arena, start: before?.start ?? range.start, stop: after?.stop ?? range.stop };
    this.free.add(whole);
    this.#byStart.set(`${arena.id} ${whole.start}`, whole);
    this.#byStop.set(`${arena.id} ${whole.stop}`, whole);
    return whole;
  }

  #take(range: Range): Range {
    this.free.delete(range);
    this.#byStart.delete(`${range.arena.id} ${range.start}`);
    this.#byStop.delete(`${range.arena.id} ${range.stop}`);
    return range;
  }
}

let heap = new Heap();
let forksOfHeap = forks;

/**
 * The heap to allocate from. What was allocated before a fork may be in use on both sides of it,
 * however long; so each fork begins a new heap, and what is older is never used for anything else.
 */
function currentHeap(): Heap {
  if (forksOfHeap !== forks) {
    for (const arena of heap.arenas) if (arena.used === 0) arena.close();
    heap = new Heap();
    forksOfHeap = forks;
  }
  return heap;
}

/** A piece of shared memory. It is free when nobody has its buffer or a view of it. */
export class Block {
  readonly buffer: ArrayBuffer;
  readonly #held: Held;

  private constructor(held: Held) {
    const { arena, start } = held.range;
    this.#held = held;
    this.buffer = arena.mapping.slice(start, lengthOf(held.range));
    collected.register(this.buffer, held);
  }

  /**
   * Zeroed.
   * @param size In bytes.
   * @throws OSError ENOSPC when there is not so much shared memory.
   */
  static allocate(size: number): Block {
    const owner = currentHeap();
    const range = owner.malloc(size);
    const { arena, start, stop } = range;
    const block = new Block({ range, owner, sent: false });
    if (start < arena.touched) new Uint8Array(block.buffer).fill(0);
    arena.touched = Math.max(arena.touched, stop);
    return block;
  }

  /** Tells it from all others. */
  get name(): string {
    return `${this.#held.range.arena.id}+${this.#held.range.start}`;
  }

  /** For native code that uses the block for longer than JavaScript does. */
  keep(): MappingHandle {
    this.#held.sent = true;
    return this.#held.range.arena.mapping.handle;
  }

  /** What another process needs in order to have this block too. */
  send(): BlockAddress {
    const { arena, start, stop } = this.#held.range;
    this.#held.sent = true;
    return { arena: arena.id, fd: arena.fd, size: arena.size, start, stop };
  }

  /**
   * The block that another process sent. The descriptor passes into its ownership.
   * @throws ValueError if there is no such block.
   */
  static receive({ arena: id, fd, size, start, stop }: BlockAddress): Block {
    let arena = arenas.get(id);
    try {
      if (posix.fileSize(fd) < size || !(0 <= start && start < stop && stop <= size)) {
        throw new ValueError(`no block at ${start} to ${stop} of ${size} bytes`);
      }
      arena ??= new Arena(id, fd, size);
    } finally {
      if (arena?.fd !== fd) posix.close(fd);
    }
    arena.used += 1;
    return new Block({ range: { arena, start, stop }, owner: null, sent: true });
  }
}

/** Where a block is: an arena, and a range of it. */
export interface BlockAddress {
  arena: string;
  fd: number;
  size: number;
  start: number;
  stop: number;
}

/** For the hooks of register(): a block on its way; `fd` is the descriptor's index there. */
export function reduceBlock(block: Block, out: DescriptorSink): BlockAddress {
  const address = block.send();
  return { ...address, fd: out.add(address.fd) };
}

/** For the hooks of register(): a block that has come. */
export function constructBlock(parts: BlockAddress, from: DescriptorSource): Block {
  return Block.receive({ ...parts, fd: from.take(parts.fd) });
}

interface Held {
  readonly range: Range;
  readonly owner: Heap | null;
  /** Another process may use it, now or later. */
  sent: boolean;
}

const collected = new FinalizationRegistry<Held>(({ range, owner, sent }) => {
  if (!sent && owner === currentHeap()) {
    owner.release(range);
    return;
  }
  const { arena } = range;
  arena.used -= 1;
  if (arena.used === 0 && !currentHeap().arenas.has(arena)) arena.close();
});

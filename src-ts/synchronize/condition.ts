/** Condition. */

import { type BlockOptions, checkedInteger, checkedTimeout } from '../arguments';
import { runAsync, runSync, type Steps } from '../blocking';
import { AssertionError, expected, RuntimeError } from '../errors';
import { Block, type BlockAddress, constructBlock, reduceBlock } from '../heap';
import { ownPid, posix } from '../native';
import { register } from '../serialization';
import { Acquirable, ownerDied } from './acquirable';
import { Lock, RLock } from './lock';
import { now, waitForChange } from './words';

/** How many can wait at the same time. */
const SLOTS = 340;

// The words: a counter of waits, the number of slots that were ever used, then the slots.
const TICKETS = 0;
const USED = 1;
const FIRST_SLOT = 2;
const WORDS_OF_SLOT = 3;

// The words of a slot: what its waiter is woken by, who waits there, and since when.
const STATE = 0;
const WAITER = 1;
const TICKET = 2;

// The states of a slot.
const FREE = 0;
const WAITING = 1;
const NOTIFIED = 2;

/**
 * Processes wait for a change of what a lock protects. Each waiter has a slot of its own in shared
 * memory, so that notify(), unlike Python's, waits for nobody, and passes over those who were killed.
 * @see https://docs.python.org/3/library/threading.html#condition-objects
 */
export class Condition extends Acquirable {
  readonly lock: Lock | RLock;
  readonly block: Block;
  readonly #words: Int32Array;

  /**
   * @param lock What protects the state; a new RLock by default.
   * @throws TypeError if it is neither a Lock nor an RLock.
   */
  constructor(lock: Lock | RLock | null = null, block?: Block) {
    super();
    if (lock !== null && !(lock instanceof Lock) && !(lock instanceof RLock)) {
      throw new TypeError(expected('a Lock or an RLock', 'lock', lock));
    }
    this.lock = lock ?? new RLock();
    this.block = block ?? Block.allocate(4 * (FIRST_SLOT + SLOTS * WORDS_OF_SLOT));
    this.#words = new Int32Array(this.block.buffer);
  }

  acquire(block?: boolean | BlockOptions, timeout?: number | null): boolean {
    return this.lock.acquire(block, timeout);
  }

  acquireAsync(block?: boolean | BlockOptions, timeout?: number | null): Promise<boolean> {
    return this.lock.acquireAsync(block, timeout);
  }

  release(): void {
    this.lock.release();
  }

  locked(): boolean {
    return this.lock.locked();
  }

  /**
   * Releases the lock, waits for a notification, and acquires the lock again.
   * @param timeout Seconds; null: for ever.
   * @returns Whether it was notified.
   * @throws AssertionError if this process does not hold the lock.
   * @throws OwnerDiedError with the lock held, if its last owner ended without releasing it.
   */
  wait(timeout: number | null = null): boolean {
    return runSync(this.waiting(checkedTimeout(timeout)));
  }

  /** Like wait(), without blocking the event loop. */
  async waitAsync(timeout: number | null = null): Promise<boolean> {
    return runAsync(this.waiting(checkedTimeout(timeout)));
  }

  /**
   * Waits until the predicate is true; it is called with the lock held.
   * @param timeout Seconds; null: for ever.
   * @returns The last value of the predicate.
   */
  waitFor<T>(predicate: () => T, timeout: number | null = null): T {
    return runSync(this.waitingFor(predicate, checkedTimeout(timeout)));
  }

  /** Like waitFor(), without blocking the event loop. */
  async waitForAsync<T>(predicate: () => T, timeout: number | null = null): Promise<T> {
    return runAsync(this.waitingFor(predicate, checkedTimeout(timeout)));
  }

  /**
   * Wakes up to `n` of those who wait, the first ones first.
   * @throws AssertionError if this process does not hold the lock.
   */
  notify(n = 1): void {
    if (!this.lock.isMine()) throw new AssertionError('lock is not owned');
    let left = n === Infinity ? n : checkedInteger('n', n);
    for (const slot of this.#waiting()) {
      if (left <= 0) return;
      if (this.#notifySlot(slot)) left -= 1;
    }
  }

  /** Wakes all who wait. */
  notifyAll(): void {
    this.notify(Infinity);
  }

  toString(): string {
    return `<Condition(${this.lock.toString()}, ${this.#waiting().length})>`;
  }

  *waiting(timeout: number | null): Steps<boolean> {
    if (!this.lock.isMine()) {
      throw new AssertionError('must acquire() condition before using wait()');
    }
    const words = this.#words;
    const slot = this.#claim();
    const depth = this.lock.releaseAll();
    yield* waitForChange(words, slot + STATE, WAITING, timeout ?? Infinity);
    const ownerEnded = yield* this.lock.acquireAll(depth);
    const notified = Atomics.exchange(words, slot + STATE, FREE) === NOTIFIED;
    if (ownerEnded) throw ownerDied(this.lock.constructor.name);
    return notified;
  }

  *waitingFor<T>(predicate: () => T, timeout: number | null): Steps<T> {
    const end = now() + (timeout ?? Infinity);
    for (;;) {
      const result = predicate();
      if (result) return result;
      const left = end - now();
      if (left <= 0) return result;
      yield* this.waiting(left === Infinity ? null : left);
    }
  }

  /** The slots of those who wait, the first ones first. */
  #waiting(): number[] {
    const words = this.#words;
    const slots = this.#slots().filter((slot) => Atomics.load(words, slot + STATE) === WAITING);
    return slots.sort((a, b) => words[a + TICKET]! - words[b + TICKET]!);
  }

  #slots(): number[] {
    const used = this.#words[USED]!;
    return Array.from({ length: used }, (_, index) => FIRST_SLOT + index * WORDS_OF_SLOT);
  }

  /** A free slot, or that of somebody who was killed; with the lock held. */
  #claim(): number {
    const words = this.#words;
    const slots = this.#slots();
    const isFree = (slot: number): boolean => Atomics.load(words, slot + STATE) === FREE;
    const isDead = (slot: number): boolean => posix.hasEnded(words[slot + WAITER]!);
    const slot = slots.find(isFree) ?? this.#unused() ?? slots.find(isDead);
    if (slot === undefined) {
      throw new RuntimeError(`more than ${SLOTS} wait for one condition`);
    }
    words[slot + WAITER] = ownPid;
    words[slot + TICKET] = words[TICKETS]! += 1;
    Atomics.store(words, slot + STATE, WAITING);
    return slot;
  }

  #unused(): number | undefined {
    const used = this.#words[USED]!;
    if (used === SLOTS) return undefined;
    this.#words[USED] = used + 1;
    return FIRST_SLOT + used * WORDS_OF_SLOT;
  }

  /** False if its waiter was killed. */
  #notifySlot(slot: number): boolean {
    const words = this.#words;
    Atomics.store(words, slot + STATE, NOTIFIED);
    if (posix.wake(words, slot + STATE, 1) > 0) return true;
    // It does not sleep yet, or never will again.
    if (!posix.hasEnded(words[slot + WAITER]!)) return true;
    Atomics.store(words, slot + STATE, FREE);
    return false;
  }
}

interface ConditionParts {
  lock: Lock | RLock;
  block: BlockAddress;
}

register(Condition, {
  name: 'multiproc.Condition',
  reduce: ({ lock, block }: Condition, out) => ({ lock, block: reduceBlock(block, out) }),
  construct: ({ lock, block }: ConditionParts, from) =>
    new Condition(lock, constructBlock(block, from)),
});

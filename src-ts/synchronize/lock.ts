/** Lock and RLock. */

import { type BlockOptions, secondsToWait } from '../arguments';
import { type Blocking, runAsync, runSync, step, type Steps } from '../blocking';
import { AssertionError, ValueError } from '../errors';
import { Block, type BlockAddress, constructBlock, reduceBlock } from '../heap';
import { type Acquired, NOT_ACQUIRED, OWNER_DIED, ownPid, posix, WAITERS } from '../native';
import { currentProcess } from '../process';
import { register } from '../serialization';
import { Acquirable, ownerDied } from './acquirable';

/** Index of the word that is 0 or the pid of the owner, with WAITERS when somebody waits. */
const OWNER = 0;
/** Index of the number of times that the owner of an RLock has acquired it. */
const DEPTH = 1;

/** A word of shared memory that one process owns at a time. */
export class Mutex {
  constructor(readonly words: Int32Array) {}

  tryAcquire(): boolean {
    return Atomics.compareExchange(this.words, OWNER, 0, ownPid) === 0;
  }

  acquiring(seconds: number): Blocking<Acquired> {
    const words = this.words;
    return {
      sync: () => posix.lockAcquire(words, OWNER, ownPid, seconds),
      async: () => posix.lockAcquireAsync(words, OWNER, ownPid, seconds),
    };
  }

  /** False if nobody held it. */
  release(): boolean {
    const old = Atomics.exchange(this.words, OWNER, 0);
    if (old < 0) posix.wake(this.words, OWNER, 1);
    return old !== 0;
  }

  /** The pid of the owner, 0 if there is none. */
  get owner(): number {
    return Atomics.load(this.words, OWNER) & ~WAITERS;
  }
}

/** For the library's own locks: what they protect copes with an owner that was killed. */
export function acquireRobust(mutex: Mutex): void {
  if (!mutex.tryAcquire()) mutex.acquiring(Infinity).sync();
}

function nameOf(owner: number): string {
  if (owner === 0) return 'None';
  return owner === ownPid ? currentProcess().name : 'SomeOtherProcess';
}

abstract class BaseLock extends Acquirable {
  readonly block: Block;
  protected readonly mutex: Mutex;

  constructor(block: Block = Block.allocate(8)) {
    super();
    this.block = block;
    this.mutex = new Mutex(new Int32Array(block.buffer));
  }

  /** Whether anybody holds it. */
  locked(): boolean {
    return this.mutex.owner !== 0;
  }

  /** Whether this process holds it. */
  isMine(): boolean {
    return this.mutex.owner === ownPid;
  }

  /** Releases it however often it was acquired, which is the result. */
  abstract releaseAll(): number;
  /** Acquires it so many times. Whether the last owner ended without releasing it. */
  abstract acquireAll(depth: number): Steps<boolean>;

  protected *acquireRobust(): Steps<boolean> {
    if (this.mutex.tryAcquire()) return false;
    return (yield* step(this.mutex.acquiring(Infinity))) === OWNER_DIED;
  }

  protected *wait(seconds: number): Steps<boolean> {
    const acquired = yield* step(this.mutex.acquiring(seconds));
    if (acquired === OWNER_DIED) {
      this.mutex.release();
      throw ownerDied(this.constructor.name);
    }
    return acquired !== NOT_ACQUIRED;
  }
}

/**
 * A lock: one process at a time holds it. As in Python it does not belong to the process that
 * acquired it: any may release it. Unlike Python's it does not stay locked when the process that
 * acquired it ends: whoever waits next gets an OwnerDiedError, and the lock is free again.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Lock
 */
export class Lock extends BaseLock {
  /** @throws OwnerDiedError */
  acquire(block: boolean | BlockOptions = true, timeout?: number | null): boolean {
    if (block === true && timeout == null && this.mutex.tryAcquire()) return true;
    const seconds = secondsToWait(block, timeout);
    return this.mutex.tryAcquire() || runSync(this.wait(seconds));
  }

  async acquireAsync(
    block: boolean | BlockOptions = true,
    timeout?: number | null,
  ): Promise<boolean> {
    const seconds = secondsToWait(block, timeout);
    return this.mutex.tryAcquire() || (await runAsync(this.wait(seconds)));
  }

  /** @throws ValueError if it is not locked. */
  release(): void {
    if (!this.mutex.release()) throw new ValueError('semaphore or lock released too many times');
  }

  releaseAll(): number {
    this.release();
    return 1;
  }

  acquireAll(): Steps<boolean> {
    return this.acquireRobust();
  }

  toString(): string {
    return `<Lock(owner=${nameOf(this.mutex.owner)})>`;
  }
}

/**
 * A lock that the process that holds it may acquire again; it has to release it as often.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.RLock
 */
export class RLock extends BaseLock {
  /** @throws OwnerDiedError */
  acquire(block: boolean | BlockOptions = true, timeout?: number | null): boolean {
    if (block === true && timeout == null && this.#tryAcquire()) return true;
    const seconds = secondsToWait(block, timeout);
    return this.#tryAcquire() || runSync(this.#enter(seconds));
  }

  async acquireAsync(
    block: boolean | BlockOptions = true,
    timeout?: number | null,
  ): Promise<boolean> {
    const seconds = secondsToWait(block, timeout);
    return this.#tryAcquire() || (await runAsync(this.#enter(seconds)));
  }

  /** @throws AssertionError if this process does not hold it. */
  release(): void {
    if (!this.isMine()) {
      throw new AssertionError('attempt to release recursive lock not owned by thread');
    }
    this.#depth -= 1;
    if (this.#depth === 0) this.mutex.release();
  }

  releaseAll(): number {
    const depth = this.#depth;
    this.#depth = 1;
    this.release();
    return depth;
  }

  *acquireAll(depth: number): Steps<boolean> {
    const ownerEnded = yield* this.acquireRobust();
    this.#depth = depth;
    return ownerEnded;
  }

  toString(): string {
    const owner = this.mutex.owner;
    const mine = owner === 0 || owner === ownPid;
    return `<RLock(${nameOf(owner)}, ${mine ? this.#depth : 'nonzero'})>`;
  }

  /** Written by the owner only. What a killed one left there is overwritten by the next. */
  get #depth(): number {
    return this.locked() ? this.mutex.words[DEPTH]! : 0;
  }
  set #depth(depth: number) {
    this.mutex.words[DEPTH] = depth;
  }

  #tryAcquire(): boolean {
    if (this.isMine()) this.#depth += 1;
    else if (this.mutex.tryAcquire()) this.#depth = 1;
    else return false;
    return true;
  }

  *#enter(seconds: number): Steps<boolean> {
    if (!(yield* this.wait(seconds))) return false;
    this.#depth = 1;
    return true;
  }
}

for (const Class of [Lock, RLock]) {
  register(Class, {
    name: `multiproc.${Class.name}`,
    reduce: (lock: BaseLock, out) => reduceBlock(lock.block, out),
    construct: (parts: BlockAddress, from) => new Class(constructBlock(parts, from)),
  });
}

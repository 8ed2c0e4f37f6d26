/** Barrier: the algorithm of Python's threading.Barrier, on shared memory. */

import { inspect } from 'node:util';

import { checkedInteger, checkedTimeout } from '../arguments';
import { runAsync, runSync, type Steps } from '../blocking';
import { BrokenBarrierError, expected, OwnerDiedError, ValueError } from '../errors';
import { Block, type BlockAddress, constructBlock, reduceBlock } from '../heap';
import { ownPid, posix } from '../native';
import { register } from '../serialization';
import { Condition } from './condition';
import { Lock } from './lock';
import { NAP, now } from './words';

// The words: then come the pids of those who are in wait(), 0 where there is none.
const STATE = 0;
const PARTIES = 1;
const FIRST_PID = 2;

// The states.
const FILLING = 0;
const DRAINING = 1;
const RESETTING = -1;
const BROKEN = -2;

export interface BarrierOptions {
  parties: number;
  /** Called by one of the parties just before all are released. */
  action?: (() => void) | null;
  /** Seconds; the default of wait(). */
  timeout?: number | null;
}

/** The shared parts of a barrier that came from another process. */
export interface BarrierParts {
  condition: Condition;
  block: Block;
}

/**
 * Lets a number of processes wait for each other. A party that is killed while it waits breaks the
 * barrier for the others.
 * @see https://docs.python.org/3/library/threading.html#barrier-objects
 */
export class Barrier {
  readonly condition: Condition;
  readonly block: Block;
  readonly action: (() => void) | null;
  readonly timeout: number | null;
  readonly #words: Int32Array;

  /** @throws TypeError if action is not a function; ValueError if there are no parties. */
  constructor(
    parties: number | BarrierOptions,
    action: (() => void) | null = null,
    timeout: number | null = null,
    parts?: BarrierParts,
  ) {
    const options = typeof parties === 'object' ? parties : { parties, action, timeout };
    if (options.action != null && typeof options.action !== 'function') {
      throw new TypeError(expected('a function', 'action', options.action));
    }
    this.action = options.action ?? null;
    this.timeout = checkedTimeout(options.timeout);
    const count = checkedInteger('parties', options.parties);
    if (parts === undefined && count < 1) throw new ValueError('parties must be > 0');
    this.condition = parts?.condition ?? new Condition(new Lock());
    this.block = parts?.block ?? Block.allocate(4 * (FIRST_PID + count));
    this.#words = new Int32Array(this.block.buffer);
    if (parts === undefined) this.#words[PARTIES] = count;
  }

  /**
   * Waits until all parties do.
   * @param timeout Seconds; the barrier's own by default.
   * @returns A number from 0 to parties-1, another one for each.
   * @throws BrokenBarrierError if it is broken, or breaks by the timeout or by another party.
   */
  wait(timeout: number | null = this.timeout): number {
    return runSync(this.#waiting(checkedTimeout(timeout)));
  }

  /** Like wait(), without blocking the event loop. */
  async waitAsync(timeout: number | null = this.timeout): Promise<number> {
    return runAsync(this.#waiting(checkedTimeout(timeout)));
  }

  /** Back to the beginning: those who wait get a BrokenBarrierError. */
  reset(): void {
    this.#withLock(() => {
      this.#removeKilled();
      if (this.#count === 0) this.#state = FILLING;
      else if (this.#state === FILLING || this.#state === BROKEN) this.#state = RESETTING;
      this.condition.notifyAll();
    });
  }

  /** Breaks it, until reset(). */
  abort(): void {
    this.#withLock(() => this.#break());
  }

  get parties(): number {
    return this.#words[PARTIES]!;
  }

  /** How many wait. */
  get nWaiting(): number {
    return this.#state === FILLING ? this.#count : 0;
  }

  get broken(): boolean {
    return this.#state === BROKEN;
  }

  /** Python's repr. */
  toString(): string {
    const state = this.broken ? 'broken' : `waiters=${this.nWaiting}/${this.parties}`;
    return `<Barrier at ${this.block.name}: ${state}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  get #state(): number {
    return this.#words[STATE]!;
  }
  set #state(state: number) {
    this.#words[STATE] = state;
  }

  /** How many are in wait(). */
  get #count(): number {
    return this.#pids().filter((pid) => pid !== 0).length;
  }

  #pids(): Int32Array {
    return this.#words.subarray(FIRST_PID, FIRST_PID + this.parties);
  }

  /** Whatever happened to the last owner of the lock. */
  #withLock(body: () => void): void {
    runSync(this.condition.lock.acquireAll(1));
    try {
      body();
    } finally {
      this.condition.release();
    }
  }

  *#waiting(timeout: number | null): Steps<number> {
    const ownerEnded = yield* this.condition.lock.acquireAll(1);
    try {
      if (ownerEnded) this.#breakByKilled();
      yield* this.#enter();
      const index = this.#pids().indexOf(0);
      const place = FIRST_PID + index;
      this.#words[place] = ownPid;
      try {
        if (index + 1 === this.parties) this.#release();
        else yield* this.#untilReleased(timeout);
        return index;
      } finally {
        this.#words[place] = 0;
        this.#exit();
      }
    } finally {
      this.condition.release();
    }
  }

  /** Waits until those of the last round have left. */
  *#enter(): Steps<void> {
    const isOpen = (): boolean => this.#state !== DRAINING && this.#state !== RESETTING;
    yield* this.#waitFor(isOpen, Infinity);
    if (this.#state < 0) throw new BrokenBarrierError();
  }

  /** The last party has come. */
  #release(): void {
    try {
      this.action?.();
      this.#state = DRAINING;
      this.condition.notifyAll();
    } catch (error) {
      this.#break();
      throw error;
    }
  }

  *#untilReleased(timeout: number | null): Steps<void> {
    const released = yield* this.#waitFor(() => this.#state !== FILLING, timeout ?? Infinity);
    if (!released) this.#break();
    if (this.#state < 0) throw new BrokenBarrierError();
  }

  /** The last one to leave opens it for the next round. */
  #exit(): void {
    if (this.#count > 0 || (this.#state !== RESETTING && this.#state !== DRAINING)) return;
    this.#state = FILLING;
    this.condition.notifyAll();
  }

  #break(): void {
    this.#state = BROKEN;
    this.condition.notifyAll();
  }

  /** Like the condition's, but a party that was killed breaks the barrier. */
  *#waitFor(predicate: () => boolean, seconds: number): Steps<boolean> {
    const end = now() + seconds;
    while (!predicate()) {
      const left = end - now();
      if (left <= 0) return false;
      const woken = yield* this.#wokenWithin(Math.min(left, NAP));
      if (!woken && this.#removeKilled()) this.#breakByKilled();
    }
    return true;
  }

  *#wokenWithin(seconds: number): Steps<boolean> {
    try {
      return yield* this.condition.waiting(seconds);
    } catch (error) {
      if (!(error instanceof OwnerDiedError)) throw error;
      this.#breakByKilled();
      return true;
    }
  }

  /** Those who were killed will never leave, nor come again. */
  #breakByKilled(): void {
    this.#removeKilled();
    if (this.#state === RESETTING) this.#exit();
    else this.#break();
  }

  #removeKilled(): boolean {
    const pids = this.#pids();
    const killed = pids.filter((pid) => pid !== 0 && posix.hasEnded(pid));
    for (const pid of killed) pids[pids.indexOf(pid)] = 0;
    return killed.length > 0;
  }
}

interface BarrierMessage {
  condition: Condition;
  block: BlockAddress;
  action: (() => void) | null;
  timeout: number | null;
}

register(Barrier, {
  name: 'multiproc.Barrier',
  reduce: ({ condition, block, action, timeout }: Barrier, out) => {
    return { condition, block: reduceBlock(block, out), action, timeout };
  },
  construct: ({ condition, block, action, timeout }: BarrierMessage, from) =>
    new Barrier(0, action, timeout, { condition, block: constructBlock(block, from) }),
});

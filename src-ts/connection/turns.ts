/** Asynchronous operations on one descriptor that wait for their turn. */

import { registerAtFork } from '../at-fork';
import { posix, type Watch } from '../native';

/** What an attempt returns that would have to wait. */
export const MUST_WAIT = Symbol('MUST_WAIT');

export interface Operation<Result> {
  attempt(): Result | typeof MUST_WAIT;
  /** Called before it waits for the first time. */
  beforeWaiting?(): void;
  /** Called at its end, however it ends. */
  atEnd?(): void;
}

interface Turn {
  operation: Operation<unknown>;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** After so many that did not have to wait, the event loop gets its turn. */
const LONGEST_STREAK = 100;

let forks = 0;
registerAtFork({
  child() {
    forks += 1;
  },
});

/** One direction of a connection: operations happen in the order in which they were asked for. */
export class Turns {
  readonly #fd: number;
  readonly #events: number;
  /** Not to be collected, and its descriptor closed, while somebody waits. */
  readonly owner: object;
  readonly #queue: Turn[] = [];
  readonly #forks = forks;
  #watch: Watch | undefined;
  #current: Turn | undefined;
  #streak = 0;

  constructor(fd: number, events: number, owner: object) {
    this.#fd = fd;
    this.#events = events;
    this.owner = owner;
  }

  /** Whether they are the parent's, which nothing happens with in this process. */
  get inherited(): boolean {
    return this.#forks !== forks;
  }

  do<Result>(operation: Operation<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const turn = { operation, resolve, reject } as Turn;
      const atOnce = this.#queue.length === 0 && this.#streak++ < LONGEST_STREAK;
      if (atOnce && this.#attempt(turn)) return;
      operation.beforeWaiting?.();
      this.#wait();
      this.#queue.push(turn);
    });
  }

  /** Blocks until nobody waits any more. */
  finish(): void {
    while (this.#queue.length > 0) {
      if (!this.#attemptFirst()) posix.poll(Int32Array.of(this.#fd, this.#events), Infinity);
    }
    this.#stopWaiting();
  }

  /** Whoever waits gets this error. */
  cancel(error: Error): void {
    this.#stopWaiting();
    for (const turn of this.#queue.splice(0)) {
      // The one that closes the connection fails by its own error.
      if (turn === this.#current) continue;
      turn.operation.atEnd?.();
      turn.reject(error);
    }
  }

  #attemptFirst(): boolean {
    const turn = this.#queue[0]!;
    if (!this.#attempt(turn)) return false;
    if (this.#queue[0] === turn) this.#queue.shift();
    return true;
  }

  /** Whether it is done, well or not. */
  #attempt(turn: Turn): boolean {
    const { operation, resolve, reject } = turn;
    this.#current = turn;
    try {
      const result = operation.attempt();
      if (result === MUST_WAIT) return false;
      resolve(result);
    } catch (error) {
      reject(error);
    } finally {
      this.#current = undefined;
    }
    operation.atEnd?.();
    return true;
  }

  #wait(): void {
    this.#watch ??= posix.watch(this.#fd, () => this.#onReady(), this.#events);
  }

  #stopWaiting(): void {
    if (this.#watch !== undefined) posix.unwatch(this.#watch);
    this.#watch = undefined;
  }

  #onReady(): void {
    this.#watch = undefined;
    this.#streak = 0;
    while (this.#queue.length > 0 && this.#attemptFirst());
    if (this.#queue.length > 0) this.#wait();
  }
}

/** JoinableQueue. */

import { runAsync, runSync, type Steps } from '../blocking';
import { ValueError } from '../errors';
import { register } from '../serialization';
import { Condition } from '../synchronize/condition';
import { Lock } from '../synchronize/lock';
import { Semaphore } from '../synchronize/semaphore';
import { Queue, type QueueParts } from './queue';

/** The shared parts of a queue that came from another process. */
export interface JoinableQueueParts extends QueueParts {
  unfinished: Semaphore;
  finished: Condition;
}

/**
 * A queue whose consumers tell of each value that they have done with it. join() waits for all; a
 * consumer that is killed in between makes it wait for ever.
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.JoinableQueue
 */
export class JoinableQueue<T = unknown> extends Queue<T> {
  readonly #unfinished: Semaphore;
  readonly #finished: Condition;

  constructor(maxsize: number | { maxsize?: number } = 0, parts?: JoinableQueueParts) {
    super(maxsize, parts);
    this.#unfinished = parts?.unfinished ?? new Semaphore(0);
    this.#finished = parts?.finished ?? new Condition(new Lock());
  }

  /**
   * Tells that a value, which get() has given, is done with.
   * @throws ValueError if it is told more often than values were put.
   */
  taskDone(): void {
    this.#finished.with(() => {
      if (!this.#unfinished.acquire(false)) {
        throw new ValueError('task_done() called too many times');
      }
      if (this.#unfinished.getValue() === 0) this.#finished.notifyAll();
    });
  }

  /** Blocks until all that was put is done with. */
  join(): void {
    runSync(this.#joining());
  }

  /** Like join(), without blocking the event loop. */
  async joinAsync(): Promise<void> {
    await runAsync(this.#joining());
  }

  override parts(): JoinableQueueParts {
    return { ...super.parts(), unfinished: this.#unfinished, finished: this.#finished };
  }

  protected override feed(message: Uint8Array, length: number): void {
    this.#unfinished.release();
    super.feed(message, length);
  }

  *#joining(): Steps<void> {
    yield* this.#finished.lock.acquireAll(1);
    try {
      yield* this.#finished.waitingFor(() => this.#unfinished.getValue() === 0, null);
    } finally {
      this.#finished.release();
    }
  }
}

register(JoinableQueue, {
  name: 'multiproc.JoinableQueue',
  reduce: (queue: JoinableQueue) => queue.parts(),
  construct: (parts: JoinableQueueParts) => new JoinableQueue(0, parts),
});

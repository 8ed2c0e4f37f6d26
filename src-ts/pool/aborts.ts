/** The tasks that AbortSignals take back. */

import type { Task } from './task';

interface Listener {
  tasks: Set<Task>;
  stop: () => void;
}

export class Aborts {
  readonly #listeners = new Map<AbortSignal, Listener>();
  readonly #abort: (tasks: ReadonlySet<Task>, reason: unknown) => void;

  /** @param abort Called with the tasks of a signal when it is aborted. */
  constructor(abort: (tasks: ReadonlySet<Task>, reason: unknown) => void) {
    this.#abort = abort;
  }

  /** From now on until the task's end its signal, if any, takes it back. */
  listen(task: Task): void {
    const { signal } = task.options;
    if (signal === undefined) return;
    if (signal.aborted) {
      task.failed(signal.reason);
      return;
    }
    const listener = this.#listeners.get(signal) ?? this.#listenTo(signal);
    listener.tasks.add(task);
    task.onEnd = () => {
      listener.tasks.delete(task);
      if (listener.tasks.size === 0) listener.stop();
    };
  }

  /** One listener for all tasks of a signal. */
  #listenTo(signal: AbortSignal): Listener {
    const tasks = new Set<Task>();
    const abort = (): void => this.#abort(new Set(tasks), signal.reason);
    const stop = (): void => {
      signal.removeEventListener('abort', abort);
      this.#listeners.delete(signal);
    };
    signal.addEventListener('abort', abort, { once: true });
    const listener = { tasks, stop };
    this.#listeners.set(signal, listener);
    return listener;
  }
}

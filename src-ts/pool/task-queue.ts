/** Tasks in the order in which they are to be begun. */

import type { Task } from './task';

/** An array whose front can be taken off at no cost. */
export class TaskQueue {
  #tasks: (Task | undefined)[] = [];
  #start = 0;

  get length(): number {
    return this.#tasks.length - this.#start;
  }

  push(task: Task): void {
    this.#tasks.push(task);
  }

  /** The first one that nobody has taken back. */
  first(): Task | undefined {
    while (this.length > 0 && this.#tasks[this.#start]!.settled) this.shift();
    return this.#tasks[this.#start];
  }

  shift(): void {
    this.#tasks[this.#start] = undefined;
    this.#start += 1;
    if (this.#start < 1024 || this.#start < this.#tasks.length / 2) return;
    this.#tasks = this.#tasks.slice(this.#start);
    this.#start = 0;
  }

  /** They are the first ones now. */
  putBack(tasks: readonly Task[]): void {
    this.#tasks = [...tasks, ...this.#tasks.slice(this.#start)];
    this.#start = 0;
  }

  delete(task: Task): boolean {
    const index = this.#tasks.indexOf(task, this.#start);
    if (index < 0) return false;
    this.#tasks.splice(index, 1);
    return true;
  }

  takeAll(): Task[] {
    const all = this.#tasks.slice(this.#start) as Task[];
    this.#tasks = [];
    this.#start = 0;
    return all;
  }
}

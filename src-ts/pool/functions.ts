/**
 * The functions of tasks, by number. A worker is a copy of its parent, so it knows every function
 * that had a number when it was forked, closures included; only the number crosses.
 */

import { registerAtFork } from '../at-fork';

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- a task may be any function */
export type TaskFunction = (...args: any[]) => unknown;

const numbers = new WeakMap<TaskFunction, number>();
const functions = new Map<number, WeakRef<TaskFunction>>();
const forgotten = new FinalizationRegistry<number>((number) => functions.delete(number));
let next = 0;

/** In a child: those of its parent, which nobody else there refers to. */
let inherited: ReadonlyMap<number, TaskFunction> = new Map();

/** The number of a function. */
export function numberOf(task: TaskFunction): number {
  const known = numbers.get(task);
  if (known !== undefined) return known;
  const number = next++;
  numbers.set(task, number);
  functions.set(number, new WeakRef(task));
  forgotten.register(task, number);
  return number;
}

/** The function of a number, of this process; the caller has to keep it for its workers. */
export function taskFunction(number: number): TaskFunction | undefined {
  return functions.get(number)?.deref();
}

/** A child that is forked now knows the functions of all numbers below this. */
export function numbersSoFar(): number {
  return next;
}

/** In a worker: the function of its parent's. */
export function functionOf(number: number): TaskFunction {
  return inherited.get(number)!;
}

registerAtFork({
  child() {
    const strong = new Map<number, TaskFunction>();
    for (const [number, reference] of functions) {
      const task = reference.deref();
      if (task !== undefined) strong.set(number, task);
    }
    inherited = strong;
  },
});

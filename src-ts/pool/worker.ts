/** What a worker does: tasks, one after the other, until its parent closes the channel. */

import { inspect } from 'node:util';

import { pack, unpack } from '../message';
import { posix } from '../native';
import { main } from '../realm';
import { isThenable } from '../thenable';
import { type End, own, RECALLED, STARTED } from './channel';
import { keepFreedMemory } from './freed-memory';
import { functionOf, type TaskFunction } from './functions';
import type { Outcomes } from './outcome';
import {
  EACH,
  type Kind,
  MAP,
  NOT_INITIALIZED,
  RESUME,
  RESUMED,
  RETURNED,
  STARMAP,
  THREW,
  UNSENDABLE,
} from './protocol';

export interface Initializer {
  initializer: TaskFunction | null;
  initargs: readonly unknown[];
}

/** Results are kept back for so many microseconds while there are more tasks to do. */
const KEPT_BACK = 200;
/** But not more than so many bytes of them. */
const MOST_KEPT = 32 * 1024;

/** Seconds for which a worker waits for its next task without the event loop. */
const PATIENCE = 0.001;
/** Milliseconds after which the event loop gets a turn although there are tasks. */
const TURN = 10;

interface Task {
  call: TaskFunction;
  kind: Kind;
  argument: unknown;
}

/** The main function of a worker. */
export async function work(end: End, { initializer, initargs }: Initializer): Promise<void> {
  own(end);
  // Control-C is for the parent, which ends its workers.
  main.process.on('SIGINT', () => undefined);
  keepFreedMemory();
  try {
    await initializer?.(...initargs);
  } catch (error) {
    answer(end, 0, NOT_INITIALIZED, error);
    end.writeAll();
    return;
  }
  const answers = new Answers(end);
  let task: Task | Unreadable | undefined;
  let begin = 0;
  // Begun before it is decoded: a hook that ends this process is the task's fault; and before its
  // payload counts as read, which the parent may need again until then.
  const take = (number: number, kind: number, payload: Uint8Array): void => {
    begin = performance.now();
    if (kind === RESUME) resume(end);
    else if (claim(end.words)) task = decode(number, kind as Kind, payload);
  };
  for (;;) {
    while (end.next(take)) {
      if (task === undefined) continue;
      let status = RETURNED;
      let result: unknown;
      try {
        result = run(task);
        if (isThenable(result)) result = await result;
      } catch (error) {
        status = THREW;
        result = error;
      }
      task = undefined;
      if (!answers.add((performance.now() - begin) * 1000, status, result)) return;
    }
    if (!answers.write()) return;
    await nextTask(end);
    if (!end.fill()) return;
  }
}

/**
 * Waits for the next task: at first in the kernel, since it mostly comes at once, and then on the event
 * loop. What tasks have begun, timers and sockets and promises, goes on meanwhile.
 */
async function nextTask({ fd }: End): Promise<void> {
  const now = performance.now();
  if (now > turnIsDue) {
    await new Promise(setImmediate);
    turnIsDue = performance.now() + TURN;
  }
  if (posix.poll(Int32Array.of(fd, posix.POLLIN), PATIENCE) > 0) return;
  await new Promise<void>((resolve) => posix.watch(fd, resolve, posix.POLLIN));
  turnIsDue = performance.now() + TURN;
}

let turnIsDue = 0;

/**
 * Begins a task, for the parent to know whose fault it is when this process dies; unless the parent
 * has taken it back.
 */
function claim(words: Int32Array): boolean {
  let started = Atomics.load(words, STARTED);
  while (started >= 0) {
    const seen = Atomics.compareExchange(words, STARTED, started, started + 1);
    if (seen === started) return true;
    started = seen;
  }
  return false;
}

function resume(end: End): void {
  Atomics.and(end.words, STARTED, ~RECALLED);
  end.addEmpty(0, RESUMED);
}

/** A task whose arguments could not be decoded. */
class Unreadable {
  constructor(readonly reason: unknown) {}
}

function decode(number: number, kind: Kind, payload: Uint8Array): Task | Unreadable {
  try {
    return { call: functionOf(number), kind, argument: unpack(payload, undefined, false) };
  } catch (error) {
    return new Unreadable(error);
  }
}

function run(task: Task | Unreadable): unknown {
  if (task instanceof Unreadable) throw task.reason;
  const { call, kind, argument } = task;
  if (kind === MAP) return mapped(argument as unknown[], (item) => call(item));
  if (kind === EACH) return each(call, argument as unknown[][]);
  if (kind === STARMAP) return mapped(argument as unknown[][], (args) => call(...args));
  return call(...(argument as unknown[]));
}

function each(call: TaskFunction, columns: unknown[][]): Outcomes | Promise<Outcomes> {
  let failures: Outcomes['failures'] = null;
  let index = 0;
  const isSingle = columns.length === 1;
  const results = mapped(columns[0]!, (first) => {
    const at = index++;
    const failed = (reason: unknown): void => void (failures ??= new Map()).set(at, reason);
    try {
      const result = isSingle ? call(first) : call(...columns.map((column) => column[at]));
      return isThenable(result) ? Promise.resolve(result).catch(failed) : result;
    } catch (error) {
      failed(error);
      return undefined;
    }
  });
  const outcomes = (values: unknown[]): Outcomes => ({ values, failures });
  return isThenable(results) ? results.then(outcomes) : outcomes(results);
}

/** Like Array.map; a promise is waited for before the next call. */
function mapped<T>(
  items: readonly T[],
  call: (item: T) => unknown,
): unknown[] | Promise<unknown[]> {
  const results: unknown[] = [];
  for (let index = 0; index < items.length; index++) {
    const result = call(items[index]!);
    if (isThenable(result)) return mappedAsync(results, result, items.slice(index + 1), call);
    results.push(result);
  }
  return results;
}

async function mappedAsync<T>(
  results: unknown[],
  pending: Promise<unknown>,
  rest: readonly T[],
  call: (item: T) => unknown,
): Promise<unknown[]> {
  results.push(await pending);
  for (const item of rest) results.push(await call(item));
  return results;
}

/** Collects the answers to short tasks, so that many go by one system call. */
class Answers {
  readonly #end: End;
  #oldest = 0;

  constructor(end: End) {
    this.#end = end;
  }

  /** False when nobody reads any more. */
  add(microseconds: number, status: number, result: unknown): boolean {
    const now = performance.now();
    if (this.#end.unwritten === 0) this.#oldest = now;
    answer(this.#end, microseconds, status, result);
    const age = (now - this.#oldest) * 1000 + microseconds;
    const waits = age <= KEPT_BACK && this.#end.unwritten <= MOST_KEPT && this.#end.hasNext;
    return waits || this.write();
  }

  write(): boolean {
    return this.#end.unwritten === 0 || this.#end.writeAll();
  }
}

function answer(end: End, microseconds: number, status: number, result: unknown): void {
  const time = Math.min(Math.round(microseconds), 0xffffffff);
  try {
    end.add(time, status, (room) => pack(result, false, room));
  } catch (error) {
    end.add(time, UNSENDABLE, (room) => pack([shown(result), shown(error)], false, room));
  }
}

function shown(value: unknown): string {
  try {
    return value instanceof Error ? `${value.name}: ${value.message}` : inspect(value);
  } catch {
    return typeof value;
  }
}

/** A worker, as its pool sees it. */

import { unpack } from '../message';
import { posix, type Watch } from '../native';
import { Process, servants } from '../process';
import { type End, makeChannel, RECALLED, STARTED } from './channel';
import { MaybeEncodingError } from './errors';
import { keepFreedMemory, MAPPED } from './freed-memory';
import { numbersSoFar } from './functions';
import { RESUME, RESUMED, THREW, UNREAD, UNSENDABLE } from './protocol';
import type { Task } from './task';
import { type Initializer, work } from './worker';

/** An answer of a worker, decoded. */
export interface Answer {
  microseconds: number;
  status: number;
  /** The result, or the reason of the failure. */
  value: unknown;
}

export interface MemberOptions {
  initializer: Initializer;
  name: string;
  daemon: boolean;
}

export class Member {
  readonly process: Process;
  readonly end: End;
  /** It knows the functions of all numbers below this. */
  readonly known = numbersSoFar();
  /** What it was given and has not answered; the first one runs. */
  readonly tasks: Task[] = [];
  /** Read, and not handed over yet. */
  readonly answers: Answer[] = [];
  given = 0;
  /** It gets nothing until it knows that tasks were taken back. */
  recalling = false;
  /** When it got to its first task, of performance.now(). */
  since = 0;
  answered = 0;
  /** It gets no more. */
  retiring = false;
  #watch: Watch | undefined;

  /** Forks it. */
  constructor({ initializer, name, daemon }: MemberOptions) {
    let process!: Process;
    this.end = makeChannel((workerEnd) => {
      process = new Process({ target: work, args: [workerEnd, initializer], name, daemon });
      servants.add(process);
      process.start();
    });
    this.process = process;
  }

  /** Gives it a task; false if it was found dead. */
  give(task: Task): boolean {
    task.sendBy(this.end);
    this.given += 1;
    this.tasks.push(task);
    if (this.tasks.length > 1) return true;
    this.#beginFirst();
    return this.end.write();
  }

  /** Reads its answers. False when it has ended. */
  read(): boolean {
    return this.end.read((microseconds, status, payload) => {
      if (payload.length >= MAPPED) keepFreedMemory();
      // In its place before it is decoded: a `construct` hook may end the program, which waits for all.
      const answer: Answer = { microseconds, status: UNREAD, value: undefined };
      this.answers.push(answer);
      decode(answer, status, payload);
    });
  }

  /** The task that was answered. */
  take(): Task | undefined {
    this.answered += 1;
    const task = this.tasks.shift();
    this.#beginFirst();
    return task;
  }

  /** After its death: those of its tasks that it had begun, and the others. */
  leftovers(): { lost: Task[]; untouched: Task[] } {
    const begun = (Atomics.load(this.end.words, STARTED) & ~RECALLED) - this.answered;
    return { lost: this.tasks.slice(0, begun), untouched: this.#takeBack(begun) };
  }

  /** Takes back what it was given in advance and has not begun. */
  recall(): Task[] {
    const started = Atomics.or(this.end.words, STARTED, RECALLED) & ~RECALLED;
    const untouched = this.#takeBack(started - this.answered);
    this.given -= untouched.length;
    if (untouched.length > 0) this.retiring = false;
    this.end.addEmpty(0, RESUME);
    this.recalling = true;
    return untouched;
  }

  /** Its tasks but the first ones, as before they were given to it. */
  #takeBack(count: number): Task[] {
    const tasks = this.tasks.splice(count);
    for (const task of tasks) task.takeBackFrom(this.end);
    return tasks;
  }

  #beginFirst(): void {
    this.since = performance.now();
    this.tasks[0]?.begin(this.since);
  }

  /** Calls back once when it has answered or ended; keeps the event loop alive. */
  watch(callback: () => void): void {
    const { POLLIN, POLLOUT } = posix;
    const events = this.end.unwritten > 0 ? POLLIN | POLLOUT : POLLIN;
    this.unwatch();
    this.#watch = posix.watch(
      this.end.fd,
      () => {
        this.#watch = undefined;
        callback();
      },
      events,
    );
  }

  get watched(): boolean {
    return this.#watch !== undefined;
  }

  unwatch(): void {
    if (this.#watch === undefined) return;
    posix.unwatch(this.#watch);
    this.#watch = undefined;
  }

  /** Whether it has something to say, sooner or later. */
  get busy(): boolean {
    return this.tasks.length > 0 || this.recalling;
  }

  /** Whether it is to end: it gets no more, and has answered everything. */
  get retired(): boolean {
    return this.retiring && !this.busy;
  }

  /** Nothing is given to it or read from it any more; if it lives, it ends. */
  close(): void {
    this.unwatch();
    this.end.close();
  }
}

function decode(answer: Answer, status: number, payload: Uint8Array): void {
  let value: unknown;
  let outcome = status;
  try {
    if (status !== RESUMED) value = unpack(payload, undefined, false);
    if (status === UNSENDABLE) {
      const [result, reason] = value as [string, string];
      value = new MaybeEncodingError(reason, result);
      outcome = THREW;
    }
  } catch (error) {
    value = error;
    outcome = THREW;
  }
  answer.status = outcome;
  answer.value = value;
}

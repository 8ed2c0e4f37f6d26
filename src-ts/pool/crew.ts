/**
 * A set of workers and the tasks for them. The parent knows which worker has which task: when one
 * dies, exactly its task is lost. Results come through the event loop, or when somebody blocks until
 * they are there (drive.ts).
 */

import { ProcessError, RuntimeError, TimeoutError, ValueError } from '../errors';
import type { Process } from '../process';
import { main } from '../realm';
import { afterSeconds } from '../timer';
import { Aborts } from './aborts';
import { PoolTerminatedError, WorkerDiedError } from './errors';
import { type Answer, Member, type MemberOptions } from './member';
import { Pace } from './pace';
import { NOT_INITIALIZED, RESUMED, RETURNED, UNREAD } from './protocol';
import { type Task } from './task';
import { TaskQueue } from './task-queue';

/** Milliseconds after which what was given to a worker in advance goes to one that has nothing to do. */
const LATE = 5;

/** So many workers in a row that die before they begin anything are too many. */
const MOST_STILLBORN = 5;

/** Why a task fails when a hook of the codec that it calls ends the program. */
const ENDED_BY_HOOK = 'the program was ended by a hook that serialising this has called';

/** Seconds between SIGTERM and SIGKILL. */
const GRACE = 1;

export interface CrewOptions extends Omit<MemberOptions, 'name'> {
  size: number;
  /** What workers are called, before a number. */
  name: string;
  /** What a task fails with when there is no worker and none can be forked because of this. */
  withoutWorker: (cause: unknown) => unknown;
  /** How many tasks a worker does before it is replaced. */
  maxTasks: number | null;
}

/** What has happened so far. */
export interface Counts {
  completed: number;
  failed: number;
  retried: number;
  forks: number;
  deaths: number;
}

export class Crew {
  readonly options: CrewOptions;
  readonly members = new Set<Member>();
  readonly counts: Counts = { completed: 0, failed: 0, retried: 0, forks: 0, deaths: 0 };
  readonly #pid = main.process.pid;
  readonly #pending = new TaskQueue();
  readonly #pace = new Pace();
  /** Workers that end, and have to be reaped. */
  readonly #leaving = new Set<Member>();
  readonly #aborts = new Aborts((tasks, reason) => this.#abort(tasks, reason));
  #broken: { reason: unknown } | null = null;
  #closed = false;
  #stillborn = 0;
  #timer: NodeJS.Timeout | undefined;
  #looping = false;
  /** The task that is being serialised for a worker. */
  #giving: Task | null = null;
  /** A result is being deserialised. */
  #reading = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: CrewOptions) {
    this.options = options;
  }

  /** Why it takes no more tasks for ever, if so. */
  get broken(): { reason: unknown } | null {
    return this.#broken;
  }

  /** How many tasks wait for a worker. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Whether every task has ended, and every worker knows what was taken back from it. */
  get idle(): boolean {
    return this.#pending.length === 0 && [...this.members].every(({ busy }) => !busy);
  }

  /** Whether it belongs to this process, and not to a parent. */
  get own(): boolean {
    return this.#pid === main.process.pid;
  }

  /** @throws ValueError in a child of its process, which has none of the workers. */
  checkOwner(): void {
    if (!this.own) throw new ValueError('the pool belongs to another process');
  }

  /** @throws RuntimeError where waiting would be for ever. */
  checkWaiting(): void {
    this.checkOwner();
    if (this.#giving !== null) {
      throw new RuntimeError('cannot wait for a pool while it serialises a task');
    }
    if (this.#reading) throw new RuntimeError('cannot wait for a pool while it reads a result');
  }

  /** The program ends, perhaps in a hook of the codec, which will never return. */
  leaveHooks(): void {
    const task = this.#giving;
    this.#giving = null;
    this.#reading = false;
    task?.failed(new ProcessError(ENDED_BY_HOOK));
  }

  submit(task: Task): void {
    this.checkOwner();
    if (this.#broken !== null) {
      task.failed(this.#broken.reason);
      return;
    }
    this.#aborts.listen(task);
    if (task.retries > 0) task.keep();
    this.#pending.push(task);
    this.dispatch();
    if (!task.running && !task.settled) task.keep();
  }

  /** Takes a task back that no worker has begun; false if it is too late. */
  cancel(task: Task): boolean {
    if (task.settled) return false;
    if (this.#pending.delete(task)) return true;
    const member = [...this.members].find(({ tasks }) => tasks.indexOf(task) > 0);
    if (member === undefined || member.recalling) return false;
    this.#pending.putBack(member.recall());
    const isCancelled = this.#pending.delete(task);
    this.dispatch();
    return isCancelled;
  }

  /** Gives tasks to workers, as many as can be. */
  dispatch(): void {
    // Whoever comes here from a hook of the codec: it goes on with all tasks later.
    if (this.#giving !== null) return;
    this.#recall();
    while (this.#broken === null) {
      const task = this.#pending.first();
      if (task === undefined) break;
      const member = this.#find(task);
      if (member === null) break;
      if (member === undefined) continue;
      this.#pending.shift();
      this.#give(member, task);
    }
    if (this.#closed) this.#dismissIdle();
    this.#onEventLoop();
  }

  /** Reads what a worker has answered, and goes on. */
  service(member: Member): void {
    const alive = this.#read(member) && member.end.write();
    this.#deliver(member);
    if (!alive) this.#died(member);
    this.dispatch();
  }

  /** Sends what was added since, and hands over what was read. */
  flush(): void {
    let lost = false;
    for (const member of this.members) {
      this.#deliver(member);
      if (!this.members.has(member) || member.end.unwritten === 0 || member.end.write()) continue;
      lost = true;
      this.#died(member);
    }
    if (lost) this.dispatch();
  }

  /** No more tasks come; workers end when there is nothing left to do. */
  close(): void {
    this.#closed = true;
    this.dispatch();
  }

  /** Ends all workers at once. What was outstanding fails with the reason. */
  terminate(reason: unknown = new PoolTerminatedError('the pool was terminated')): void {
    this.#break(reason, 'SIGTERM');
    this.joinWorkers(GRACE);
  }

  /** Kills the workers; what was outstanding fails with the reason. */
  kill(reason: unknown): void {
    this.#break(reason, 'SIGKILL');
    this.joinWorkers(GRACE);
  }

  /** Waits for the ends of the workers that leave; after so many seconds they are killed. */
  joinWorkers(patience = Infinity): void {
    for (const { process } of this.#leaving) end(process, patience);
    this.#leaving.clear();
  }

  /** When there is nothing left to do and no worker. */
  async whenLeft(): Promise<void> {
    if (!this.idle || this.members.size > 0) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    await Promise.all([...this.#leaving].map(({ process }) => process.joinAsync()));
  }

  /** The moment at which something has to be done about a running task, of performance.now(). */
  get deadline(): number {
    let deadline = Infinity;
    const someIdle = this.#someIdle();
    for (const { tasks, since, recalling } of this.members) {
      if (tasks.length > 0) deadline = Math.min(deadline, tasks[0]!.deadline);
      if (tasks.length > 1 && someIdle && !recalling) deadline = Math.min(deadline, since + LATE);
    }
    return deadline;
  }

  /** Kills the workers of tasks that have run for too long. */
  checkDeadlines(): void {
    const now = performance.now();
    for (const member of this.members) {
      const late = member.tasks[0];
      if (late === undefined || late.deadline > now) continue;
      // It may have answered while this process was busy.
      this.service(member);
      const [task] = member.tasks;
      if (task === undefined || task.deadline > now || !this.members.has(member)) continue;
      this.#kill(member, task, new TimeoutError(`the task ran for ${task.options.timeout} s`));
    }
    this.dispatch();
  }

  /** The workers by what they do. */
  workers(): { busy: number; idle: number } {
    const busy = [...this.members].filter(({ tasks }) => tasks.length > 0).length;
    return { busy, idle: this.members.size - busy };
  }

  /** As #choose(); undefined if no worker can be made, and the task has failed therefore. */
  #find(task: Task): Member | null | undefined {
    try {
      return this.#choose(task);
    } catch (cause) {
      // There will be another attempt when one of the others has answered.
      if (this.workers().busy > 0) return null;
      this.counts.failed += 1;
      task.failed(this.options.withoutWorker(cause));
      return undefined;
    }
  }

  /** The one that is to have the task; null if it has to wait. */
  #choose(task: Task): Member | null {
    const depth = this.#pace.depthFor(task.call!);
    const now = performance.now();
    let best: Member | null = null;
    let stranger: Member | null = null;
    for (const member of this.members) {
      const { length } = member.tasks;
      if (member.retiring || member.recalling || (length > 0 && now - member.since > LATE))
        continue;
      if (member.known <= task.number) {
        if (length === 0) stranger ??= member;
      } else if (length < (best?.tasks.length ?? depth)) {
        best = member;
      }
    }
    if (best?.tasks.length === 0) return best;
    if (this.members.size < this.options.size) return this.#hire();
    if (best !== null || stranger === null) return best;
    this.#dismiss(stranger);
    return this.#hire();
  }

  #someIdle(): boolean {
    if (this.members.size < this.options.size) return true;
    for (const { busy } of this.members) if (!busy) return true;
    return false;
  }

  /** A task that waits behind a long one, perhaps to end its wait, goes to somebody else. */
  #recall(): void {
    const now = performance.now();
    for (const member of this.members) {
      if (
        member.recalling ||
        member.tasks.length < 2 ||
        now - member.since <= LATE ||
        !this.#someIdle()
      )
        continue;
      this.#pending.putBack(member.recall());
    }
  }

  #hire(): Member {
    this.#reap();
    const name = `${this.options.name}-${this.counts.forks + 1}`;
    const member = new Member({ ...this.options, name });
    this.counts.forks += 1;
    this.members.add(member);
    return member;
  }

  #give(member: Member, task: Task): void {
    let taken: boolean;
    this.#giving = task;
    try {
      taken = member.give(task);
    } catch (error) {
      // What cannot be serialised is the task's own fault.
      task.failed(error);
      this.counts.failed += 1;
      return;
    } finally {
      this.#giving = null;
    }
    if (member.given === this.options.maxTasks) member.retiring = true;
    if (!taken) this.#died(member);
  }

  /** The rest is the event loop's, unless somebody blocks first and does it. */
  #onEventLoop(): void {
    if (this.#looping) return;
    this.#looping = true;
    queueMicrotask(() => {
      this.#looping = false;
      this.flush();
      this.#arm();
    });
  }

  #read(member: Member): boolean {
    this.#reading = true;
    try {
      return member.read();
    } finally {
      this.#reading = false;
    }
  }

  /** What is called here may come back here, for the rest. */
  #deliver(member: Member): void {
    for (let answer; (answer = member.answers.shift());) this.#answered(member, answer);
  }

  #answered(member: Member, { status, value, microseconds }: Answer): void {
    if (status === NOT_INITIALIZED) {
      this.#break(value, 'SIGTERM');
      return;
    }
    if (status === RESUMED) {
      member.recalling = false;
      if (member.retired) this.#dismiss(member);
      return;
    }
    const task = member.take();
    if (task === undefined) return;
    this.#stillborn = 0;
    if (task.call !== undefined) this.#pace.note(task.call, microseconds);
    if (status === RETURNED) this.counts.completed += 1;
    else this.counts.failed += 1;
    if (member.retired) this.#dismiss(member);
    if (status === RETURNED) task.returned(value);
    else task.failed(status === UNREAD ? new ProcessError(ENDED_BY_HOOK) : value);
  }

  #died(member: Member): void {
    if (!this.members.has(member)) return;
    // Nothing more is begun or answered after this.
    end(member.process, GRACE);
    this.#read(member);
    this.#deliver(member);
    if (!this.members.delete(member)) return;
    this.counts.deaths += 1;
    const { lost, untouched } = member.leftovers();
    member.close();
    const { pid, exitcode } = member.process;
    const error = new WorkerDiedError(pid!, exitcode!);
    this.#pending.putBack(untouched);
    for (const task of lost) this.#lost(task, error);
    const stillborn = lost.length === 0 && member.answered === 0 && untouched.length > 0;
    this.#stillborn = stillborn ? this.#stillborn + 1 : 0;
    if (this.#stillborn < MOST_STILLBORN) return;
    const text = `${MOST_STILLBORN} workers in a row ended before they began a task`;
    this.#break(new ProcessError(text, { cause: error }), 'SIGTERM');
  }

  #lost(task: Task, error: WorkerDiedError): void {
    if (task.retries > 0 && !task.settled) {
      this.counts.retried += 1;
      task.again();
      this.#pending.putBack([task]);
      return;
    }
    this.counts.failed += 1;
    task.failed(error);
  }

  /** Kills a worker because of the task that it does; the others that it has go to other workers. */
  #kill(member: Member, task: Task, reason: unknown): void {
    member.process.kill();
    task.retries = 0;
    task.failed(reason);
    this.#died(member);
  }

  #abort(tasks: ReadonlySet<Task>, reason: unknown): void {
    const running = [...this.members].filter((member) => tasks.has(member.tasks[0]!));
    const victims = running.map((member) => [member, member.tasks[0]!] as const);
    for (const task of tasks) task.failed(reason);
    for (const [member, task] of victims) {
      if (member.tasks[0] === task) this.#kill(member, task, reason);
    }
    for (const member of this.members) {
      const inAdvance = member.tasks.slice(1);
      if (!member.recalling && inAdvance.some((task) => tasks.has(task))) {
        this.#pending.putBack(member.recall());
      }
    }
    this.dispatch();
  }

  /** It gets no more tasks, and ends when it sees so. */
  #dismiss(member: Member): void {
    this.members.delete(member);
    this.#leaving.add(member);
    member.close();
    // For the event loop to reap it; blocking programs do so in #reap().
    void member.process.joinAsync().then(() => this.#leaving.delete(member));
  }

  #dismissIdle(): void {
    if (this.#pending.length > 0) return;
    for (const member of this.members) if (!member.busy) this.#dismiss(member);
    this.#tellIfIdle();
  }

  #tellIfIdle(): void {
    if (this.members.size > 0 || this.#pending.length > 0) return;
    const waiters = this.#whenIdle;
    this.#whenIdle = [];
    for (const waiter of waiters) waiter();
  }

  #reap(): void {
    for (const member of this.#leaving) {
      if (!member.process.isAlive()) this.#leaving.delete(member);
    }
  }

  #break(reason: unknown, signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#broken ??= { reason };
    const tasks = this.#pending.takeAll();
    if (this.#giving !== null) tasks.unshift(this.#giving);
    for (const member of this.members) {
      tasks.unshift(...member.tasks);
      if (signal === 'SIGTERM') member.process.terminate();
      else member.process.kill();
      this.#leaving.add(member);
      member.close();
    }
    this.members.clear();
    this.#onEventLoop();
    for (const task of tasks) task.failed(reason);
    this.#tellIfIdle();
  }

  /** Lets the event loop wait for what is outstanding, and only for that. */
  #arm(): void {
    for (const member of this.members) {
      if (!member.busy) member.unwatch();
      else if (!member.watched) member.watch(() => this.service(member));
    }
    clearTimeout(this.#timer);
    const { deadline } = this;
    if (deadline === Infinity) return;
    const wait = (deadline - performance.now()) / 1000;
    this.#timer = afterSeconds(wait, () => this.checkDeadlines());
  }
}

/** Waits for the end of a process; after so many seconds it is killed. */
function end(process: Process, patience: number): void {
  process.join(patience);
  if (process.isAlive()) process.kill();
  process.join();
}

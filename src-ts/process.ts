/** Processes: CPython's multiprocessing/process.py. */

import { randomBytes } from 'node:crypto';
import { constants, cpus } from 'node:os';
import { inspect } from 'node:util';
import { isMainThread } from 'node:worker_threads';

import { checkedIterable, checkedTimeout, isOptions, withKnownNames } from './arguments';
import { AssertionError, expected, NotImplementedError, RuntimeError, ValueError } from './errors';
import { runChild } from './child';
import { atExit } from './exit';
import { posix } from './native';
import { Popen } from './popen/fork';
import type { Sentinel } from './popen/sentinel';
import { main } from './realm';
import { descriptorsIn } from './sockets';

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- a target may be any function */
export type Target = (...args: any[]) => unknown;

/** What Python passes to Process() by keyword. */
export interface ProcessOptions {
  /** Must be null. */
  group?: null;
  /** What the child calls; it may be async. */
  target?: Target | null;
  /** Default: the class's name and the numbers of the process, such as `Process-2:1`. */
  name?: string | null;
  /** The arguments of the target. */
  args?: Iterable<unknown>;
  /** The last argument of the target, when given. */
  kwargs?: Record<string, unknown> | null;
  /** Whether it ends with its parent; inherited by default. */
  daemon?: boolean | null;
}

/** What children inherit. */
interface Config {
  authkey: Buffer;
  daemon: boolean;
}

const optionNames = ['group', 'target', 'name', 'args', 'kwargs', 'daemon'];

/** How many children this process has made. */
let counter = 0;
/** Those that were started and not yet reaped. */
const children = new Set<Process>();

/**
 * A process: an activity in a child made by fork(2).
 *
 * @example
 * const p = new Process({ target: (name) => console.log('hello', name), args: ['bob'] });
 * p.start();
 * p.join();
 *
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Process
 */
export class Process {
  #popen: Popen | null = null;
  #closed = false;
  #name: string;
  #target: Target | null;
  #args: unknown[];
  #kwargs: Record<string, unknown> | null;
  readonly #identity: readonly number[];
  readonly #creator: number | null;
  readonly #config: Config;

  /**
   * Nothing is forked yet. Takes Python's keyword arguments as one object, or its positional ones.
   * @throws AssertionError if group is not null, or name not a string.
   * @throws TypeError if args is not iterable, target not a function, or an option is unknown.
   */
  constructor(options?: ProcessOptions);
  constructor(
    group?: null,
    target?: Target | null,
    name?: string | null,
    args?: Iterable<unknown>,
    kwargs?: Record<string, unknown> | null,
    options?: Pick<ProcessOptions, 'daemon'>,
  );
  constructor(...given: unknown[]) {
    const options = toOptions(given);
    if (options.group != null) throw new AssertionError('group argument must be None for now');
    const parent = current as Process | undefined;
    this.#identity = parent ? [...parent.#identity, (counter += 1)] : [];
    this.#creator = parent ? posix.getpid() : null;
    this.#config = parent ? { ...parent.#config } : { authkey: randomBytes(32), daemon: false };
    this.#target = checkedTarget(options.target);
    this.#args = toArgs(options.args);
    this.#kwargs = options.kwargs == null ? null : { ...options.kwargs };
    this.#name = checkedName(options.name ?? `${new.target.name}-${this.#identity.join(':')}`);
    if (options.daemon != null) this.daemon = options.daemon;
  }

  /**
   * What the child does: calls the target. A subclass may override it, also by an async method.
   */
  run(): unknown {
    if (this.#target === null) return undefined;
    return this.#kwargs === null
      ? this.#target(...this.#args)
      : this.#target(...this.#args, this.#kwargs);
  }

  /**
   * Forks the child, which calls run() on a clean event loop: nothing that the parent had pending
   * happens there.
   * @throws AssertionError if it was started before, was made by another process, or if this
   * process is daemonic.
   * @throws ValueError if it is closed.
   * @throws RuntimeError in a worker thread.
   * @throws OSError EAGAIN at the limit of processes, ENOMEM.
   */
  start(): void {
    this.#checkOpen();
    if (this.#popen !== null) throw new AssertionError('cannot start a process twice');
    this.#checkCreator('can only start a process object created by current process');
    if (current.daemon) {
      throw new AssertionError('daemonic processes are not allowed to have children');
    }
    if (!isMainThread) {
      throw new RuntimeError(
        'cannot start a process in a worker thread: fork(2) copies one thread',
      );
    }
    activeChildren();
    waitForChildrenAtExit();
    const parent = { name: current.name, pid: posix.getpid() };
    this.#popen = new Popen((sentinel) => this.#bootstrap(parent, sentinel), this.#descriptors());
    // As in Python: what the child has got need not stay alive here.
    this.#target = null;
    this.#args = [];
    this.#kwargs = null;
    children.add(this);
  }

  /**
   * Blocks until the child has ended, for `timeout` seconds at most; null means for ever. Ask
   * `exitcode` whether it has.
   * @throws AssertionError if it is not a child of this process, or not started.
   */
  join(timeout: number | null = null): void {
    this.#afterWait(this.#joinable().wait(checkedTimeout(timeout)));
  }

  /** Like join(), without blocking the event loop. */
  async joinAsync(timeout: number | null = null): Promise<void> {
    this.#afterWait(await this.#joinable().waitAsync(checkedTimeout(timeout)));
  }

  /** Whether the child runs. Reaps it if it has just ended. */
  isAlive(): boolean {
    this.#checkOpen();
    if (this === current) return true;
    this.#checkCreator('can only test a child process');
    if (this.#popen === null) return false;
    const exitcode = this.#popen.poll();
    this.#afterWait(exitcode);
    return exitcode === null;
  }

  /** Sends SIGTERM. */
  terminate(): void {
    this.#signal('SIGTERM');
  }

  /** Sends SIGKILL. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  /** Sends SIGINT. */
  interrupt(): void {
    this.#signal('SIGINT');
  }

  /**
   * Frees what the object holds; using it afterwards is an error.
   * @throws ValueError if the child still runs.
   */
  close(): void {
    if (this.#popen !== null) {
      if (this.#popen.poll() === null) {
        throw new ValueError(
          'Cannot close a process while it is still running. ' +
            'You should first call join() or terminate().',
        );
      }
      this.#popen.close();
      this.#popen = null;
      children.delete(this);
    }
    this.#closed = true;
  }

  /** For people: it need not be unique. It is also what `ps` shows for the child. */
  get name(): string {
    return this.#name;
  }
  set name(name: string) {
    this.#name = checkedName(name);
  }

  /** A daemonic process ends when its parent ends, and may not have children. */
  get daemon(): boolean {
    return this.#config.daemon;
  }
  set daemon(daemon: boolean) {
    if (this.#popen !== null) throw new AssertionError('process has already started');
    this.#config.daemon = daemon;
  }

  /** The process id, or null before start(). */
  get pid(): number | null {
    this.#checkOpen();
    if (this === current) return posix.getpid();
    return this.#popen?.pid ?? null;
  }

  /** The same as `pid`. */
  get ident(): number | null {
    return this.pid;
  }

  /** The exit code 0 to 255, -N after signal N, or null while it runs or before it is started. */
  get exitcode(): number | null {
    this.#checkOpen();
    if (this.#popen === null || this.#creator !== posix.getpid()) return null;
    const exitcode = this.#popen.poll();
    this.#afterWait(exitcode);
    return exitcode;
  }

  /** The secret by which processes of one program know each other; inherited. */
  get authkey(): Buffer {
    return this.#config.authkey;
  }
  set authkey(key: Uint8Array) {
    if (!(key instanceof Uint8Array)) throw new TypeError(expected('bytes', 'authkey', key));
    this.#config.authkey = Buffer.from(key);
  }

  /**
   * A descriptor that becomes readable when the process has ended.
   * @throws ValueError before start().
   */
  get sentinel(): number {
    this.#checkOpen();
    if (this.#popen === null) throw new ValueError('process not started');
    return this.#popen.sentinel.fd;
  }

  /** Python's repr: `<Process name='Process-1' pid=9 parent=8 stopped exitcode=-SIGKILL>`. */
  toString(): string {
    const { status, exitcode } = this.#status();
    const parts = [this.constructor.name, `name='${this.#name}'`];
    if (this.#popen !== null) parts.push(`pid=${this.#popen.pid}`);
    parts.push(`parent=${this.#creator ?? 'None'}`, status);
    if (exitcode !== null) parts.push(`exitcode=${exitcodeName(exitcode)}`);
    if (this.#config.daemon) parts.push('daemon');
    return `<${parts.join(' ')}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #status(): { status: string; exitcode: number | null } {
    if (this === current) return { status: 'started', exitcode: null };
    if (this.#closed) return { status: 'closed', exitcode: null };
    if (this.#creator !== posix.getpid()) return { status: 'unknown', exitcode: null };
    if (this.#popen === null) return { status: 'initial', exitcode: null };
    const exitcode = this.#popen.poll();
    return { status: exitcode === null ? 'started' : 'stopped', exitcode };
  }

  #checkOpen(): void {
    if (this.#closed) throw new ValueError('process object is closed');
  }

  #checkCreator(otherwise: string): void {
    if (this.#creator !== posix.getpid()) throw new AssertionError(otherwise);
  }

  #joinable(): Popen {
    this.#checkOpen();
    this.#checkCreator('can only join a child process');
    if (this.#popen === null) throw new AssertionError('can only join a started process');
    return this.#popen;
  }

  #afterWait(exitcode: number | null): void {
    if (exitcode !== null) children.delete(this);
  }

  #signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): void {
    this.#checkOpen();
    if (this.#popen === null) throw new ValueError('process not started');
    this.#popen.signal(name);
  }

  /** Sockets that the child gets: in the arguments, or in fields of a subclass. */
  #descriptors(): number[] {
    return descriptorsIn([
      ...this.#args,
      ...Object.values(this.#kwargs ?? {}),
      ...(Object.values(this) as unknown[]),
    ]);
  }

  /** In the child. */
  #bootstrap(parent: { name: string; pid: number }, sentinel: Sentinel): void {
    counter = 0;
    children.clear();
    waiting = false;
    current = this; // eslint-disable-line @typescript-eslint/no-this-alias
    parentOfCurrent = new ParentProcess(parent.name, parent.pid, sentinel);
    runChild({
      name: this.#name,
      diesWithParent: this.#config.daemon || servants.has(this),
      parentPid: parent.pid,
      run: () => this.run(),
      finish: finishChildren,
    });
  }
}

/** The process that started this one, as far as a child may know it. */
export class ParentProcess {
  readonly name: string;
  readonly pid: number;
  readonly #sentinel: Sentinel;

  constructor(name: string, pid: number, sentinel: Sentinel) {
    this.name = name;
    this.pid = pid;
    this.#sentinel = sentinel;
  }

  /** The same as `pid`. */
  get ident(): number {
    return this.pid;
  }

  isAlive(): boolean {
    return !this.#sentinel.wait(0);
  }

  /** Blocks until the parent has ended, for `timeout` seconds at most; null means for ever. */
  join(timeout: number | null = null): void {
    this.#sentinel.wait(checkedTimeout(timeout) ?? Infinity);
  }

  toString(): string {
    const status = this.isAlive() ? 'started' : 'unknown';
    return `<ParentProcess name='${this.name}' parent=None ${status}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

class MainProcess extends Process {
  constructor() {
    super({ name: 'MainProcess' });
  }
}

let current: Process;
current = new MainProcess();
let parentOfCurrent: ParentProcess | null = null;

/** The Process object of this process. */
export function currentProcess(): Process {
  return current;
}

/** The process that started this one; null in the main process. */
export function parentProcess(): ParentProcess | null {
  return parentOfCurrent;
}

/** The children that run now. Reaps those that have ended. */
export function activeChildren(): Process[] {
  return [...children].filter((child) => child.isAlive());
}

/**
 * The number of CPUs of the machine.
 * @throws NotImplementedError if it cannot be found out.
 */
export function cpuCount(): number {
  const count = cpus().length;
  if (count === 0) throw new NotImplementedError('cannot determine number of cpus');
  return count;
}

/** For programs that were frozen into an executable on Windows: does nothing here, as in Python. */
export function freezeSupport(): void {}

/** Workers, which have no end of their own: they end with their parent, like daemonic ones. */
export const servants = new WeakSet<Process>();

let waiting = false;
/** Before the feeders of queues, which children may wait for. */
const CHILDREN_IN_TIME = 0;

/** The end of a program waits for its children, once it has any. */
function waitForChildrenAtExit(): void {
  if (waiting) return;
  waiting = true;
  main.process.on('beforeExit', () => void finishChildren());
  atExit(CHILDREN_IN_TIME, () => {
    for (const child of activeChildren()) {
      if (child.daemon || servants.has(child)) child.terminate();
    }
    for (const child of children) child.join();
  });
}

/**
 * Ends the daemonic children and waits for all, on the event loop; null when there are none. Servants
 * may have work that the exit has to wait for: they end after that.
 */
function finishChildren(): Promise<void> | null {
  const others = activeChildren().filter((child) => !servants.has(child));
  if (others.length === 0) return null;
  for (const child of others) if (child.daemon) child.terminate();
  return Promise.all(others.map((child) => child.joinAsync())).then(() => undefined);
}

function toOptions(given: unknown[]): ProcessOptions {
  if (isOptions(given)) return withKnownNames('Process', given[0] ?? {}, optionNames);
  const [group, target, name, args, kwargs, rest] = given;
  const { daemon } = withKnownNames('Process', rest ?? {}, ['daemon']) as ProcessOptions;
  return { group, target, name, args, kwargs, daemon } as ProcessOptions;
}

function checkedTarget(target: unknown): Target | null {
  if (target == null) return null;
  if (typeof target !== 'function') throw new TypeError(expected('a function', 'target', target));
  return target as Target;
}

function toArgs(args: unknown): unknown[] {
  return args === undefined ? [] : [...checkedIterable('args', args)];
}

function checkedName(name: unknown): string {
  if (typeof name !== 'string') throw new AssertionError('name must be a string');
  return name;
}

function exitcodeName(exitcode: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === -exitcode);
  return signal === undefined ? String(exitcode) : `-${signal[0]}`;
}

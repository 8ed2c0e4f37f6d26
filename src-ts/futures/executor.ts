/** ProcessPoolExecutor: CPython's concurrent/futures/process.py. */

import { checkedBoolean, isOptions, withKnownNames } from '../arguments';
import { expected, RuntimeError, ValueError } from '../errors';
import { Crew } from '../pool/crew';
import { drive } from '../pool/drive';
import { WorkerDiedError } from '../pool/errors';
import { numberOf, type TaskFunction } from '../pool/functions';
import { checkedInitializer, checkedWorkers } from '../pool/options';
import type { Outcomes } from '../pool/outcome';
import { CALL, EACH } from '../pool/protocol';
import { checkedTaskOptions, Task, type TaskOptions } from '../pool/task';
import { atEnd, isEnding, unfinished } from './at-exit';
import { Executor, type ShutdownOptions } from './base';
import { BrokenProcessPool } from './errors';
import { Future } from './future';
import { type ExecutorMapOptions, ExecutorResults, mapArguments } from './map';

export interface ExecutorOptions {
  /** How many workers; default: the number of processors that this process may use. */
  maxWorkers?: number | null;
  /** Called in each worker before its first task. */
  initializer?: TaskFunction | null;
  initargs?: Iterable<unknown>;
  /** How many tasks a worker does before another one replaces it. */
  maxTasksPerChild?: number | null;
  /** Whether the workers are daemonic: such ones may have no children. */
  daemon?: boolean;
}

/** A future, whatever its result. */
type Cancellable = Pick<Future, 'cancel'>;

const executorOptionNames = ['maxWorkers', 'initializer', 'initargs', 'maxTasksPerChild', 'daemon'];

/**
 * Calls functions in worker processes: concurrent.futures.ProcessPoolExecutor. A worker that dies
 * fails the futures that it ran, and is replaced: the others go on, and the executor too. At the end
 * of the program, also by process.exit(), what was submitted is done first.
 * @see https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor
 */
export class ProcessPoolExecutor extends Executor {
  readonly #crew: Crew;
  readonly #tasks = new Map<Cancellable, Task>();
  #shutdown = false;

  /**
   * @throws ValueError if maxWorkers or maxTasksPerChild is below 1; TypeError if initializer is not a
   * function.
   */
  constructor(maxWorkers?: number | null | ExecutorOptions, rest: ExecutorOptions = {}) {
    super();
    const options = toOptions(maxWorkers, rest);
    this.#crew = new Crew({
      size: checkedWorkers('maxWorkers', options.maxWorkers, 'max_workers must be greater than 0'),
      name: 'ForkProcess',
      withoutWorker: (cause) => BrokenProcessPool.withoutWorker(cause),
      daemon: checkedBoolean('daemon', options.daemon ?? true),
      initializer: checkedInitializer(options.initializer, options.initargs),
      maxTasks: checkedMaxTasks(options.maxTasksPerChild),
    });
  }

  /**
   * Calls the function with the arguments in a worker.
   * @throws RuntimeError after shutdown(), and when the program ends; BrokenProcessPool if there can
   * be no workers.
   */
  submit<A extends unknown[], T>(call: (...args: A) => T, ...args: A): Future<Awaited<T>> {
    return this.submitWith({}, call, ...args);
  }

  /**
   * Like submit(), with what Python does not have: `timeout`, seconds that the call may run; `signal`,
   * an AbortSignal; `retries`, how often it is begun again when its worker has died. A call that is late
   * or aborted costs its worker, which is replaced.
   */
  submitWith<A extends unknown[], T>(
    options: TaskOptions,
    call: (...args: A) => T,
    ...args: A
  ): Future<Awaited<T>> {
    this.#check(call);
    withKnownNames('submitWith', options, ['timeout', 'signal', 'retries']);
    return this.#submit<Awaited<T>>(call, CALL, args, checkedTaskOptions(options));
  }

  /**
   * The results of the function for the items of the iterables, in their order. All are begun at
   * once, if there is no buffersize. The last argument may be an object with options.
   * @throws ValueError if chunksize or buffersize is below 1.
   */
  map<A, T>(
    call: (item: A) => T,
    items: Iterable<A>,
    options?: ExecutorMapOptions,
  ): ExecutorResults<Awaited<T>>;
  map<A, B, T>(
    call: (first: A, second: B) => T,
    firsts: Iterable<A>,
    seconds: Iterable<B>,
    options?: ExecutorMapOptions,
  ): ExecutorResults<Awaited<T>>;
  map<T>(call: TaskFunction, ...given: unknown[]): ExecutorResults<T>;
  map(call: TaskFunction, ...given: unknown[]): ExecutorResults<unknown> {
    this.#check(call);
    const { chunks, timeout, window } = mapArguments(given);
    const begin = (columns: unknown[][]): Future<Outcomes> => {
      this.#check(call);
      return this.#submit(call, EACH, columns, {});
    };
    return new ExecutorResults(chunks, begin, { timeout, window });
  }

  /**
   * Takes no more work.
   * @param wait Whether to block until all is done and the workers have ended.
   * @param options `cancelFutures`: what no worker has been given is cancelled.
   */
  shutdown(wait: boolean | ShutdownOptions = true, options: ShutdownOptions = {}): void {
    const { waits, cancelFutures } = checkedShutdown(
      typeof wait === 'object' ? wait : { ...options, wait },
    );
    this.#shutdown = true;
    if (cancelFutures) for (const future of this.#tasks.keys()) future.cancel();
    this.#crew.close();
    if (!waits) return;
    drive(new Set([this.#crew]), () => this.#crew.idle, Infinity);
    this.#crew.joinWorkers();
  }

  /** Like shutdown(), without blocking the event loop. */
  async shutdownAsync(options: Omit<ShutdownOptions, 'wait'> = {}): Promise<void> {
    this.shutdown(false, options);
    await this.#crew.whenLeft();
  }

  /** Ends the workers by SIGTERM; what they ran fails, what waited is cancelled. */
  terminateWorkers(): void {
    this.#force(() => this.#crew.terminate(BrokenProcessPool.byForce()));
  }

  /** Ends the workers by SIGKILL; what they ran fails, what waited is cancelled. */
  killWorkers(): void {
    this.#force(() => this.#crew.kill(BrokenProcessPool.byForce()));
  }

  #force(end: () => void): void {
    this.shutdown(false, { cancelFutures: true });
    end();
  }

  #submit<T>(
    call: TaskFunction,
    kind: typeof CALL | typeof EACH,
    argument: unknown,
    options: TaskOptions,
  ): Future<T> {
    const future: Future<T> = new Future<T>({
      crew: this.#crew,
      cancel: () => this.#cancel(future, task),
    });
    const settle = {
      returned: (value: unknown): void => this.#end(future, () => future.setResult(value as T)),
      failed: (reason: unknown): void =>
        this.#end(future, () => future.setException(this.#adapted(reason))),
    };
    const task = new Task(numberOf(call), kind, argument, kind === EACH, settle, options);
    task.onRunning = () => {
      if (!future.running()) future.setRunningOrNotifyCancel();
    };
    if (this.#tasks.size === 0) unfinished.add(this.#crew);
    this.#tasks.set(future, task);
    this.#crew.submit(task);
    return future;
  }

  #cancel(future: Cancellable, task: Task): boolean {
    if (!this.#crew.cancel(task)) return false;
    this.#forget(future);
    return true;
  }

  #end(future: Cancellable, set: () => void): void {
    this.#forget(future);
    set();
  }

  #forget(future: Cancellable): void {
    this.#tasks.delete(future);
    if (this.#tasks.size === 0) unfinished.delete(this.#crew);
  }

  /** An error of the crew's as an executor's. */
  #adapted(reason: unknown): unknown {
    if (reason instanceof WorkerDiedError) return BrokenProcessPool.becauseOf(reason);
    const { broken } = this.#crew;
    const isOfCrew = broken !== null && reason === broken.reason;
    if (!isOfCrew || reason instanceof BrokenProcessPool) return reason;
    return BrokenProcessPool.forGood(reason);
  }

  #check(call: unknown): void {
    const { broken } = this.#crew;
    if (broken !== null && !this.#shutdown) throw BrokenProcessPool.forGood(broken.reason);
    if (this.#shutdown) throw new RuntimeError('cannot schedule new futures after shutdown');
    atEnd();
    if (isEnding()) {
      throw new RuntimeError('cannot schedule new futures after interpreter shutdown');
    }
    if (typeof call !== 'function') throw new TypeError(expected('a function', 'fn', call));
  }
}

function checkedShutdown(given: ShutdownOptions): { waits: boolean; cancelFutures: boolean } {
  const options = withKnownNames('shutdown', given, ['wait', 'cancelFutures']);
  const { wait = true, cancelFutures = false } = options;
  return {
    waits: checkedBoolean('wait', wait),
    cancelFutures: checkedBoolean('cancelFutures', cancelFutures),
  };
}

function toOptions(
  first: number | null | undefined | ExecutorOptions,
  rest: ExecutorOptions,
): ExecutorOptions {
  const options =
    isOptions([first]) && typeof first === 'object'
      ? (first ?? {})
      : { ...rest, maxWorkers: first as number | null | undefined };
  return withKnownNames('ProcessPoolExecutor', options, executorOptionNames) as ExecutorOptions;
}

function checkedMaxTasks(tasks: unknown): number | null {
  if (tasks == null) return null;
  if (!Number.isInteger(tasks)) throw new TypeError('max_tasks_per_child must be an integer');
  if ((tasks as number) < 1) throw new ValueError('max_tasks_per_child must be >= 1');
  return tasks as number;
}

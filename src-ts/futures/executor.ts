/** ProcessPoolExecutor. */

import { availableParallelism } from 'node:os';

import { checkedTimeout, isOptions, withKnownNames } from '../arguments';
import { expected, RuntimeError, TimeoutError, ValueError } from '../errors';
import { Crew } from '../pool/crew';
import { drive } from '../pool/drive';
import { WorkerDiedError } from '../pool/errors';
import { numberOf, type TaskFunction } from '../pool/functions';
import { CALL, STARMAP } from '../pool/protocol';
import { Task } from '../pool/task';
import { BrokenProcessPool } from './errors';
import { Future } from './future';
import { inTurn, until } from './wait';

export interface ExecutorOptions {
  /** How many workers; default: the number of processors that this process may use. */
  maxWorkers?: number | null;
  /** Called in each worker before its first task. */
  initializer?: TaskFunction | null;
  initargs?: Iterable<unknown>;
  /** How many tasks a worker does before another one replaces it. */
  maxTasksPerChild?: number | null;
  /** Whether the workers are daemonic: they die with this process, and may have no children. */
  daemon?: boolean;
}

/** A future, whatever its result. */
type Cancellable = Pick<Future, 'cancel'>;

export interface ExecutorMapOptions {
  /** Seconds from the call of map(). */
  timeout?: number | null;
  chunksize?: number;
  /** How many chunks are under way at most; null: all. */
  buffersize?: number | null;
}

const executorOptionNames = ['maxWorkers', 'initializer', 'initargs', 'maxTasksPerChild', 'daemon'];
const mapOptionNames = ['timeout', 'chunksize', 'buffersize'];

/**
 * Calls functions in worker processes: concurrent.futures.ProcessPoolExecutor. A worker that dies
 * fails the futures that it ran, and is replaced: the others go on, and the executor too.
 * @see https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor
 */
export class ProcessPoolExecutor {
  readonly #crew: Crew;
  readonly #tasks = new Map<Cancellable, Task>();
  #shutdown = false;

  /**
   * @throws ValueError if maxWorkers or maxTasksPerChild is below 1; TypeError if initializer is not a
   * function.
   */
  constructor(maxWorkers?: number | null | ExecutorOptions, rest: ExecutorOptions = {}) {
    const options = toOptions(maxWorkers, rest);
    const initializer = options.initializer ?? null;
    if (initializer !== null && typeof initializer !== 'function') {
      throw new TypeError('initializer must be a callable');
    }
    this.#crew = new Crew({
      size: checkedWorkers(options.maxWorkers),
      name: 'ForkProcess',
      withoutWorker: (cause) => BrokenProcessPool.withoutWorker(cause),
      daemon: checkedBoolean('daemon', options.daemon ?? true),
      initializer: {
        initializer,
        initargs: [...checkedIterable('initargs', options.initargs ?? [])],
      },
      maxTasks: checkedMaxTasks(options.maxTasksPerChild),
    });
  }

  /**
   * Calls the function with the arguments in a worker.
   * @throws RuntimeError after shutdown(); BrokenProcessPool if there can be no workers.
   */
  submit<A extends unknown[], T>(call: (...args: A) => T, ...args: A): Future<Awaited<T>> {
    this.#check(call);
    return this.#submit<Awaited<T>>(call, CALL, args);
  }

  /**
   * The results of the function for the items of the iterables, in their order. All are begun at
   * once, if there is no buffersize. The last argument may be an object with options.
   * @throws ValueError if chunksize or buffersize is below 1.
   */
  map<T>(call: TaskFunction, ...given: unknown[]): ExecutorResults<T> {
    this.#check(call);
    const { iterables, options } = splitMapArguments(given);
    const { chunksize = 1, buffersize = null } = options;
    if (!(Number.isInteger(chunksize) && chunksize >= 1)) {
      throw new ValueError('chunksize must be >= 1.');
    }
    if (buffersize !== null && !Number.isInteger(buffersize)) {
      throw new TypeError('buffersize must be an integer or None');
    }
    if (buffersize !== null && buffersize < 1) {
      throw new ValueError('buffersize must be None or > 0');
    }
    const begin = (chunk: unknown[][]): Future<T[]> => this.#submit(call, STARMAP, chunk);
    const timeout = checkedTimeout(options.timeout) ?? Infinity;
    const chunks = chunksOf(zip(iterables), chunksize);
    return new ExecutorResults<T>(chunks, begin, timeout, buffersize ?? Infinity);
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
    this.#force(() => this.#crew.terminate(abandoned()));
  }

  /** Ends the workers by SIGKILL; what they ran fails, what waited is cancelled. */
  killWorkers(): void {
    this.#force(() => this.#crew.kill(abandoned()));
  }

  /** shutdown(), as `with` does in Python. */
  [Symbol.dispose](): void {
    this.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdownAsync();
  }

  #force(end: () => void): void {
    this.shutdown(false, { cancelFutures: true });
    end();
  }

  #submit<T>(call: TaskFunction, kind: typeof CALL | typeof STARMAP, argument: unknown): Future<T> {
    const future: Future<T> = new Future<T>({
      crew: this.#crew,
      cancel: () => this.#cancel(future, task),
    });
    const settle = {
      returned: (value: unknown): void => this.#end(future, () => future.setResult(value as T)),
      failed: (reason: unknown): void =>
        this.#end(future, () => future.setException(this.#adapted(reason))),
    };
    const task = new Task(numberOf(call), kind, argument, kind === STARMAP, settle, {});
    task.onRunning = () => {
      if (!future.running()) future.setRunningOrNotifyCancel();
    };
    this.#tasks.set(future, task);
    this.#crew.submit(task);
    return future;
  }

  #cancel(future: Cancellable, task: Task): boolean {
    if (!this.#crew.cancel(task)) return false;
    this.#tasks.delete(future);
    return true;
  }

  #end(future: Cancellable, set: () => void): void {
    this.#tasks.delete(future);
    set();
  }

  /** An error of the crew's as an executor's. */
  #adapted(reason: unknown): unknown {
    if (reason instanceof WorkerDiedError) return BrokenProcessPool.becauseOf(reason);
    if (reason instanceof BrokenProcessPool || reason !== this.#crew.broken?.reason) return reason;
    return BrokenProcessPool.forGood(reason);
  }

  #check(call: unknown): void {
    const { broken } = this.#crew;
    if (broken !== null && !this.#shutdown) throw BrokenProcessPool.forGood(broken.reason);
    if (this.#shutdown) throw new RuntimeError('cannot schedule new futures after shutdown');
    if (typeof call !== 'function') throw new TypeError(expected('a function', 'fn', call));
  }
}

export interface ShutdownOptions {
  wait?: boolean;
  cancelFutures?: boolean;
}

function checkedShutdown(given: ShutdownOptions): { waits: boolean; cancelFutures: boolean } {
  const options = withKnownNames('shutdown', given, ['wait', 'cancelFutures']);
  const { wait = true, cancelFutures = false } = options;
  return {
    waits: checkedBoolean('wait', wait),
    cancelFutures: checkedBoolean('cancelFutures', cancelFutures),
  };
}

function checkedBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError(expected('a boolean', name, value));
  return value;
}

/** The results of map(): `for...of` blocks, `for await` does not. */
export class ExecutorResults<T> implements IterableIterator<T>, AsyncIterable<T> {
  readonly #chunks: Iterator<unknown[][], void>;
  readonly #begin: (chunk: unknown[][]) => Future<T[]>;
  readonly #end: number;
  readonly #window: number;
  #futures: Future<T[]>[] = [];
  #values: T[] = [];
  #inputEnded = false;

  constructor(
    chunks: Iterator<unknown[][], void>,
    begin: (chunk: unknown[][]) => Future<T[]>,
    timeout: number,
    window: number,
  ) {
    this.#chunks = chunks;
    this.#begin = begin;
    this.#end = performance.now() + timeout * 1000;
    this.#window = window;
    this.#fill();
  }

  /** The next result; blocks until it is there. After an error it is over. */
  next(): IteratorResult<T, undefined> {
    if (this.#values.length === 0 && this.#futures.length > 0) {
      this.#orCancel(() => (this.#values = this.#first().result(this.#left())));
    }
    return this.#take();
  }

  /** Like next(), without blocking the event loop. */
  readonly nextAsync = inTurn(async (): Promise<IteratorResult<T, undefined>> => {
    if (this.#values.length === 0 && this.#futures.length > 0) {
      const future = this.#first();
      const inTime = await until([future], () => future.settled, this.#left());
      // It may have been ended meanwhile.
      if (this.#futures[0] !== future) return this.#take();
      this.#orCancel(() => {
        if (!inTime) throw new TimeoutError();
        this.#values = future.result();
      });
    }
    return this.#take();
  });

  /** Ends it early: what no worker has been given is cancelled. */
  return(): IteratorResult<T, undefined> {
    this.#inputEnded = true;
    for (const future of this.#futures) future.cancel();
    this.#futures = [];
    this.#values = [];
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.nextAsync(), return: () => Promise.resolve(this.return()) };
  }

  #first(): Future<T[]> {
    return this.#futures[0]!;
  }

  #left(): number {
    return Math.max((this.#end - performance.now()) / 1000, 0);
  }

  #orCancel(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.return();
      throw error;
    }
  }

  #take(): IteratorResult<T, undefined> {
    if (this.#values.length === 0) return { done: true, value: undefined };
    const value = this.#values.shift()!;
    if (this.#values.length === 0) {
      this.#futures.shift();
      this.#fill();
    }
    return { done: false, value };
  }

  #fill(): void {
    while (!this.#inputEnded && this.#futures.length < this.#window) {
      const { done, value } = this.#chunks.next();
      if (done) this.#inputEnded = true;
      else this.#futures.push(this.#begin(value));
    }
  }
}

function abandoned(): BrokenProcessPool {
  return new BrokenProcessPool('the workers were terminated before the future was done');
}

function* zip(iterables: readonly Iterable<unknown>[]): Generator<unknown[], void> {
  if (iterables.length === 0) return;
  const iterators = iterables.map((iterable) => iterable[Symbol.iterator]());
  for (;;) {
    const row: unknown[] = [];
    for (const iterator of iterators) {
      const { done, value } = iterator.next() as IteratorResult<unknown, unknown>;
      if (done === true) return;
      row.push(value);
    }
    yield row;
  }
}

function* chunksOf(rows: Iterable<unknown[]>, size: number): Generator<unknown[][], void> {
  let chunk: unknown[][] = [];
  for (const row of rows) {
    chunk.push(row);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

function splitMapArguments(given: unknown[]): {
  iterables: Iterable<unknown>[];
  options: ExecutorMapOptions;
} {
  const last = given.at(-1);
  const hasOptions = typeof last === 'object' && last !== null && !(Symbol.iterator in last);
  const iterables = hasOptions ? given.slice(0, -1) : given;
  for (const each of iterables) {
    checkedIterable('iterables', each);
  }
  const options = hasOptions ? withKnownNames('map', last, mapOptionNames) : {};
  return { iterables: iterables as Iterable<unknown>[], options };
}

function checkedIterable(name: string, value: unknown): Iterable<unknown> {
  if (typeof (value as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== 'function') {
    throw new TypeError(expected('an iterable', name, value));
  }
  return value as Iterable<unknown>;
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

function checkedWorkers(workers: unknown): number {
  if (workers == null) return availableParallelism();
  if (!Number.isInteger(workers)) {
    throw new TypeError(expected('an integer', 'maxWorkers', workers));
  }
  if ((workers as number) < 1) throw new ValueError('max_workers must be greater than 0');
  return workers as number;
}

function checkedMaxTasks(tasks: unknown): number | null {
  if (tasks == null) return null;
  if (!Number.isInteger(tasks)) throw new TypeError('max_tasks_per_child must be an integer');
  if ((tasks as number) < 1) throw new ValueError('max_tasks_per_child must be >= 1');
  return tasks as number;
}

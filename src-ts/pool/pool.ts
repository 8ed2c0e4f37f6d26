/** Pool: CPython's multiprocessing/pool.py, without its threads and shared queues. */

import { inspect } from 'node:util';

import { isOptions, withKnownNames } from '../arguments';
import { expected, NotImplementedError, ValueError } from '../errors';
import { register } from '../serialization';
import { Crew } from './crew';
import { drive } from './drive';
import { numberOf, type TaskFunction } from './functions';
import { type AnyIterable, IMapIterator } from './imap';
import { checkedInitializer, checkedWorkers } from './options';
import { CALL, type Kind, MAP, STARMAP } from './protocol';
import { ApplyResult, type AsyncResult, type Callbacks, MapResult } from './results';
import { checkedTaskOptions, Task, type TaskOptions } from './task';

export interface PoolOptions {
  /** How many workers; default: the number of processors that this process may use. */
  processes?: number | null;
  /** Called in each worker before its first task. */
  initializer?: TaskFunction | null;
  initargs?: Iterable<unknown>;
  /** How many tasks a worker does before another one replaces it. A chunk is one task. */
  maxtasksperchild?: number | null;
  /** Whether the workers are daemonic: such ones may have no children. */
  daemon?: boolean;
}

/** What Python passes to applyAsync() by keyword, and more. */
export interface ApplyOptions<T> extends TaskOptions, Callbacks<T> {
  /** The last argument of the function, when given. */
  kwds?: Record<string, unknown> | null;
}

export interface MapOptions<T> extends TaskOptions, Callbacks<T[]> {
  /** How many items make one task. */
  chunksize?: number | null;
  /** Called with the number of items that are done, and of all (Infinity while that is unknown). */
  onProgress?: (done: number, total: number) => void;
}

export interface ImapOptions extends TaskOptions {
  chunksize?: number | null;
  /** How many chunks are under way at most; default: twice the number of workers. */
  buffersize?: number | null;
  onProgress?: (done: number, total: number) => void;
}

export interface PoolStatistics {
  /** How many workers there may be, there are, and what they do. */
  size: number;
  workers: number;
  busy: number;
  idle: number;
  /** Tasks that wait for a worker. */
  pending: number;
  completed: number;
  failed: number;
  /** Tasks that were begun anew after the death of their worker. */
  retried: number;
  /** Workers that were forked, and that died. */
  forks: number;
  deaths: number;
}

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- as for Target */
type Call<A extends any[], T> = (...args: A) => T;
type Result<T> = Awaited<T>;

const poolOptionNames = ['processes', 'initializer', 'initargs', 'maxtasksperchild', 'daemon'];
const callbackNames = ['callback', 'errorCallback'];
const taskOptionNames = ['timeout', 'signal', 'retries'];
const applyOptionNames = ['kwds', ...callbackNames, ...taskOptionNames];
const mapOptionNames = ['chunksize', 'onProgress', ...callbackNames, ...taskOptionNames];
const imapOptionNames = ['chunksize', 'buffersize', 'onProgress', ...taskOptionNames];

/**
 * A fixed number of processes that do tasks. Workers are forked when there is something to do. A task
 * may be any function, closures included: a function that no worker knows yet costs a fork, and sees
 * the state of that moment; one that is known costs none. So an arrow function that is written inside
 * a loop forks each time.
 *
 * @example
 * using pool = new Pool(4);
 * console.log(pool.map((x) => x * x, [1, 2, 3]));          // blocks
 * console.log(await pool.mapAsync((x) => x * x, [1, 2]));  // does not
 *
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.pool.Pool
 */
export class Pool {
  readonly #crew: Crew;
  readonly #size: number;
  #state: 'RUN' | 'CLOSE' | 'TERMINATE' = 'RUN';

  /**
   * @throws ValueError if processes or maxtasksperchild is below 1; TypeError if initializer is not a
   * function.
   */
  constructor(options?: PoolOptions | null);
  constructor(
    processes?: number | null,
    initializer?: TaskFunction | null,
    initargs?: Iterable<unknown>,
    maxtasksperchild?: number | null,
  );
  constructor(...given: unknown[]) {
    const options = toOptions(given);
    const tooFew = 'Number of processes must be at least 1';
    this.#size = checkedWorkers('processes', options.processes, tooFew);
    this.#crew = new Crew({
      size: this.#size,
      name: 'ForkPoolWorker',
      withoutWorker: (cause) => cause,
      daemon: options.daemon ?? true,
      initializer: checkedInitializer(options.initializer, options.initargs),
      maxTasks: checkedMaxTasks(options.maxtasksperchild),
    });
  }

  /** Calls the function in a worker, and blocks until its result is there. */
  apply<A extends unknown[], T>(
    call: Call<A, T>,
    args: Readonly<A> = [] as unknown as A,
    kwds: Record<string, unknown> | null = null,
  ): Result<T> {
    return this.applyAsync(call, args, { kwds }).get();
  }

  /** Like apply(), with a result that comes later. */
  applyAsync<A extends unknown[], T>(
    call: Call<A, T>,
    args: Readonly<A> = [] as unknown as A,
    options: ApplyOptions<Result<T>> = {},
  ): AsyncResult<Result<T>> {
    this.#check(call);
    withKnownNames('applyAsync', options, applyOptionNames);
    const result = new ApplyResult<Result<T>>(this.#crew, options);
    const all: unknown[] = options.kwds == null ? [...args] : [...args, options.kwds];
    this.#submit(call, CALL, all, false, result, options);
    return result;
  }

  /**
   * The results of the function for all items, in their order; blocks until they are there. If some
   * fail, the first error is thrown when all have ended.
   * @param options The chunksize, or an object with more.
   */
  map<I, T>(
    call: (item: I) => T,
    items: Iterable<I>,
    options?: number | null | MapOptions<Result<T>>,
  ): Result<T>[] {
    return this.mapAsync(call, items, options).get();
  }

  /** Like map(), with a result that comes later. */
  mapAsync<I, T>(
    call: (item: I) => T,
    items: Iterable<I>,
    options?: number | null | MapOptions<Result<T>>,
  ): AsyncResult<Result<T>[]> {
    return this.#map(call, MAP, items, options);
  }

  /** Like map(); the items are lists of arguments. */
  starmap<A extends unknown[], T>(
    call: Call<A, T>,
    items: Iterable<Readonly<A>>,
    options?: number | null | MapOptions<Result<T>>,
  ): Result<T>[] {
    return this.starmapAsync(call, items, options).get();
  }

  /** Like starmap(), with a result that comes later. */
  starmapAsync<A extends unknown[], T>(
    call: Call<A, T>,
    items: Iterable<Readonly<A>>,
    options?: number | null | MapOptions<Result<T>>,
  ): AsyncResult<Result<T>[]> {
    return this.#map(call, STARMAP, items, options);
  }

  /**
   * The results in the order of the items, while the input is still being read: it may be endless,
   * and for `for await` also async.
   * @param options The chunksize, or an object with more.
   * @throws ValueError if chunksize or buffersize is below 1.
   */
  imap<I, T>(
    call: (item: I) => T,
    items: AnyIterable<I>,
    options?: number | null | ImapOptions,
  ): IMapIterator<Result<T>> {
    return this.#imap(call, items, options, true);
  }

  /** Like imap(), in the order in which the results come. */
  imapUnordered<I, T>(
    call: (item: I) => T,
    items: AnyIterable<I>,
    options?: number | null | ImapOptions,
  ): IMapIterator<Result<T>> {
    return this.#imap(call, items, options, false);
  }

  /** There will be no more tasks; the workers end when all are done. */
  close(): void {
    if (this.#state !== 'RUN' || !this.#crew.own) return;
    this.#state = 'CLOSE';
    this.#crew.close();
  }

  /** Ends the workers at once; what was outstanding fails with a PoolTerminatedError. */
  terminate(): void {
    if (!this.#crew.own) return;
    this.#state = 'TERMINATE';
    this.#crew.terminate();
  }

  /**
   * Blocks until all tasks are done and the workers have ended.
   * @throws ValueError if close() or terminate() was not called before.
   */
  join(): void {
    if (this.#state === 'RUN') throw new ValueError('Pool is still running');
    drive(new Set([this.#crew]), () => this.#crew.idle, Infinity);
    this.#crew.joinWorkers();
  }

  /** Like join(), without blocking the event loop. */
  async joinAsync(): Promise<void> {
    if (this.#state === 'RUN') throw new ValueError('Pool is still running');
    await this.#crew.whenLeft();
  }

  /** What the workers do, and what has happened so far. */
  stats(): PoolStatistics {
    const { pending, counts, members } = this.#crew;
    return {
      size: this.#size,
      workers: members.size,
      ...this.#crew.workers(),
      pending,
      ...counts,
    };
  }

  /** terminate(), as `with` does in Python. */
  [Symbol.dispose](): void {
    this.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    return Promise.resolve();
  }

  /** Python's repr. */
  toString(): string {
    return `<multiprocessing.pool.Pool state=${this.#state} pool_size=${this.#size}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #map<T>(
    call: TaskFunction,
    kind: Kind,
    items: Iterable<unknown>,
    given: number | null | undefined | MapOptions<Result<T>>,
  ): AsyncResult<Result<T>[]> {
    this.#check(call);
    const options = toMapOptions<MapOptions<Result<T>>>(given, mapOptionNames);
    const list = [...items];
    const size = this.#chunksize(list.length, options);
    const chunks: unknown[][] = [];
    for (let i = 0; i < list.length; i += size) chunks.push(list.slice(i, i + size));
    const sizes = chunks.map(({ length }) => length);
    const result = new MapResult<Result<T>>(this.#crew, sizes, options, options.onProgress);
    chunks.forEach((chunk, index) => {
      this.#submit(call, kind, chunk, true, result.chunk(index, chunk.length), options);
    });
    return result;
  }

  #imap<T>(
    call: TaskFunction,
    items: AnyIterable<unknown>,
    given: number | null | undefined | ImapOptions,
    ordered: boolean,
  ): IMapIterator<Result<T>> {
    this.#check(call);
    const options = toMapOptions<ImapOptions>(given, imapOptionNames);
    const chunksize = checkedChunksize(options.chunksize ?? 1);
    const window = options.buffersize ?? Math.max(2 * this.#size, IMAP_WINDOW);
    if (!Number.isInteger(window) || window < 1) {
      throw new ValueError('buffersize must be None or >= 1.');
    }
    const { length } = items as { length?: unknown };
    return new IMapIterator<Result<T>>(this.#crew, items, {
      call,
      chunksize,
      window,
      ordered,
      taskOptions: checkedTaskOptions(options),
      onProgress: options.onProgress,
      total: typeof length === 'number' ? length : Infinity,
    });
  }

  /** Python's default: four chunks for each worker. One with a timeout is one item. */
  #chunksize(
    count: number,
    { chunksize, timeout }: Pick<ImapOptions, 'chunksize' | 'timeout'>,
  ): number {
    if (chunksize != null) return checkedChunksize(chunksize);
    return timeout == null ? Math.max(Math.ceil(count / (4 * this.#size)), 1) : 1;
  }

  #submit(
    call: TaskFunction,
    kind: Kind,
    argument: unknown,
    lazy: boolean,
    settle: { returned: (value: unknown) => void; failed: (reason: unknown) => void },
    options: TaskOptions,
  ): void {
    const checked = checkedTaskOptions(options);
    this.#crew.submit(new Task(numberOf(call), kind, argument, lazy, settle, checked));
  }

  #check(call: unknown): void {
    if (this.#state !== 'RUN') throw new ValueError('Pool not running');
    this.#crew.checkOwner();
    const { broken } = this.#crew;
    if (broken !== null) throw broken.reason;
    if (typeof call !== 'function') throw new TypeError(expected('a function', 'func', call));
  }
}

/** So many chunks of an imap() may be under way even with few workers: short ones hide the way. */
const IMAP_WINDOW = 32;

function toOptions(given: unknown[]): PoolOptions {
  if (isOptions(given)) return withKnownNames('Pool', given[0] ?? {}, poolOptionNames);
  const [processes, initializer, initargs, maxtasksperchild] = given;
  return { processes, initializer, initargs: initargs ?? [], maxtasksperchild } as PoolOptions;
}

function toMapOptions<Options extends object>(given: unknown, names: readonly string[]): Options {
  if (given == null) return {} as Options;
  if (typeof given === 'object') return withKnownNames('map', given, names) as Options;
  return { chunksize: given } as unknown as Options;
}

function checkedMaxTasks(tasks: unknown): number | null {
  if (tasks == null) return null;
  if (Number.isInteger(tasks) && (tasks as number) > 0) return tasks as number;
  throw new ValueError('maxtasksperchild must be a positive int or None');
}

function checkedChunksize(size: unknown): number {
  if (Number.isInteger(size) && (size as number) > 0) return size as number;
  throw new ValueError(`Chunksize must be 1+, not ${String(size)}`);
}

register(Pool, {
  name: 'multiproc.Pool',
  reduce() {
    throw new NotImplementedError('pool objects cannot be passed between processes or pickled');
  },
  construct() {
    throw new NotImplementedError('pool objects cannot be passed between processes or pickled');
  },
});

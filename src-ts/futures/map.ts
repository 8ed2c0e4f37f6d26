/** ProcessPoolExecutor.map(): chunks of its input, and their results one after the other. */

import { checkedIterable, checkedTimeout, withKnownNames } from '../arguments';
import { TimeoutError, ValueError } from '../errors';
import type { Outcomes } from '../pool/outcome';
import type { Future } from './future';
import { inTurn, until, wait } from './wait';

export interface ExecutorMapOptions {
  /** Seconds from the call of map(). */
  timeout?: number | null;
  /** How many items make one task. */
  chunksize?: number;
  /** How many chunks are under way at most; null: all. */
  buffersize?: number | null;
}

/** The calls of one chunk: a future of their outcomes, of which some are taken. */
interface Chunk {
  readonly future: Future<Outcomes>;
  /** The future's result, as soon as it has one. */
  outcomes: Outcomes | null;
  readonly size: number;
  taken: number;
}

/** Submits the calls of a chunk, of which these are the first arguments, the second ones and so on. */
export type Begin = (columns: unknown[][]) => Future<Outcomes>;

/**
 * The results of map(): `for...of` blocks, `for await` does not. After the error of one call, next()
 * goes on with the results of those behind it; return() cancels them.
 */
export class ExecutorResults<T> implements IterableIterator<T>, AsyncIterable<T> {
  readonly #input: Iterator<unknown[][], void>;
  readonly #begin: Begin;
  /** Of performance.now(). */
  readonly #end: number;
  readonly #window: number;
  #chunks: Chunk[] = [];
  #inputEnded = false;
  #inputError: { reason: unknown } | null = null;

  /** @throws what the input throws, if it does so before the window is full. */
  constructor(
    input: Iterator<unknown[][], void>,
    begin: Begin,
    { timeout, window }: { timeout: number; window: number },
  ) {
    this.#input = input;
    this.#begin = begin;
    this.#end = performance.now() + timeout * 1000;
    this.#window = window;
    this.#fill();
    if (this.#inputError === null) return;
    const { reason } = this.#inputError;
    this.return();
    throw reason;
  }

  /**
   * The next result; blocks until it is there.
   * @throws TimeoutError when the time of map() is over, which ends it; the error of the call.
   */
  next(): IteratorResult<T, undefined> {
    const [chunk] = this.#chunks;
    if (chunk?.outcomes === null) this.#await(chunk.future);
    return this.#take();
  }

  #await(future: Future<Outcomes>): void {
    if (!future.settled && wait([future], this.#left()).notDone.size > 0) this.#late();
  }

  /** Like next(), without blocking the event loop. */
  readonly nextAsync = inTurn(async (): Promise<IteratorResult<T, undefined>> => {
    for (;;) {
      const [chunk] = this.#chunks;
      if (chunk === undefined || chunk.future.settled) return this.#take();
      const inTime = await until([chunk.future], () => chunk.future.settled, this.#left());
      // It may have been ended meanwhile.
      if (!inTime && this.#chunks[0] === chunk) this.#late();
    }
  });

  /** Ends it early: what no worker has been given is cancelled. */
  return(): IteratorResult<T, undefined> {
    this.#inputEnded = true;
    this.#inputError = null;
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const { future } of chunks) future.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.nextAsync(), return: () => Promise.resolve(this.return()) };
  }

  #left(): number {
    return Math.max((this.#end - performance.now()) / 1000, 0);
  }

  #late(): never {
    this.return();
    throw new TimeoutError();
  }

  /** The next outcome of the first chunk, which is settled. */
  #take(): IteratorResult<T, undefined> {
    const [chunk] = this.#chunks;
    if (chunk === undefined) return this.#afterLast();
    const index = chunk.taken++;
    if (chunk.taken === chunk.size) {
      this.#chunks.shift();
      this.#fill();
    }
    // A chunk without outcomes failed as a whole: so did each of its calls.
    const { values, failures } = (chunk.outcomes ??= chunk.future.result());
    if (failures?.has(index)) throw failures.get(index);
    return { done: false, value: values[index] as T };
  }

  /** The error of the input comes after the results of what was read before. */
  #afterLast(): IteratorResult<T, undefined> {
    const error = this.#inputError;
    this.#inputError = null;
    if (error !== null) throw error.reason;
    return { done: true, value: undefined };
  }

  #fill(): void {
    try {
      while (!this.#inputEnded && this.#chunks.length < this.#window) {
        const { done, value } = this.#input.next();
        if (done) this.#inputEnded = true;
        else
          this.#chunks.push({
            future: this.#begin(value),
            outcomes: null,
            size: value[0]!.length,
            taken: 0,
          });
      }
    } catch (reason) {
      this.#inputEnded = true;
      this.#inputError = { reason };
    }
  }
}

/** What map() was given after the function: iterables, and perhaps options. */
export function mapArguments(given: unknown[]): {
  chunks: Iterator<unknown[][], void>;
  timeout: number;
  window: number;
} {
  const last = given.at(-1);
  const hasOptions = typeof last === 'object' && last !== null && !(Symbol.iterator in last);
  const options: ExecutorMapOptions = hasOptions ? withKnownNames('map', last, optionNames) : {};
  const iterables = (hasOptions ? given.slice(0, -1) : given).map((each) =>
    checkedIterable('iterables', each),
  );
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
  return {
    chunks: chunksOf(iterables, chunksize),
    timeout: checkedTimeout(options.timeout) ?? Infinity,
    window: buffersize ?? Infinity,
  };
}

const optionNames = ['timeout', 'chunksize', 'buffersize'];

/** Chunks of the rows that Python's zip() makes of the iterables: as columns, which are shorter. */
function* chunksOf(
  iterables: readonly Iterable<unknown>[],
  size: number,
): Generator<unknown[][], void> {
  if (iterables.length === 0) return;
  const iterators = iterables.map((iterable) => iterable[Symbol.iterator]());
  const row: unknown[] = [];
  const readRow = (): boolean => {
    for (let i = 0; i < iterators.length; i++) {
      const { done, value } = iterators[i]!.next() as IteratorResult<unknown, unknown>;
      if (done === true) return false;
      row[i] = value;
    }
    return true;
  };
  for (let more = true; more;) {
    const columns = iterators.map((): unknown[] => []);
    const [first] = columns;
    while (first!.length < size && (more = readRow())) {
      for (let i = 0; i < columns.length; i++) columns[i]!.push(row[i]);
    }
    if (first!.length > 0) yield columns;
  }
}

/** What a pool is asked to do: one call, or the calls of one chunk. */

import { checkedTimeout } from '../arguments';
import { expected, ValueError } from '../errors';
import { discard, type Encoded, isDeposited, pack } from '../message';
import type { End } from './channel';
import { type TaskFunction, taskFunction } from './functions';
import type { Kind } from './protocol';

export interface TaskOptions {
  /** Seconds that it may run; then its worker is killed and replaced. */
  timeout?: number | null;
  /** Takes it back; if it runs, its worker is killed and replaced. */
  signal?: AbortSignal;
  /** How often it is begun again after the death of its worker. */
  retries?: number;
}

/** The options that concern a task, checked. */
export function checkedTaskOptions({ timeout, signal, retries = 0 }: TaskOptions): TaskOptions {
  if (!Number.isInteger(retries) || retries < 0) {
    throw new ValueError(`retries must be an integer >= 0, not ${String(retries)}`);
  }
  if (signal !== undefined && !(signal instanceof EventTarget)) {
    throw new TypeError(expected('an AbortSignal', 'signal', signal));
  }
  return { timeout: checkedTimeout(timeout), ...(signal && { signal }), retries };
}

/** How a task ends. */
export interface Settle {
  returned: (value: unknown) => void;
  failed: (reason: unknown) => void;
}

export class Task {
  /** Its turn came: it runs, as far as its pool knows. */
  running = false;
  settled = false;
  /** Milliseconds of performance.now() at which it is killed. */
  deadline = Infinity;
  retries: number;
  /** Kept, or a worker that is forked later would not know it. */
  call: TaskFunction | undefined;
  /** When it runs; for executors. */
  onRunning: (() => void) | null = null;
  onEnd: (() => void) | null = null;
  #argument: unknown;
  readonly #lazy: boolean;
  /** The argument, serialised. */
  #kept: Encoded | null = null;
  /** Where it was left in a mailbox. */
  #left: { place: number; length: number } | null = null;

  /**
   * @param argument What the function is called with.
   * @param lazy Whether it may be serialised as late as when a worker gets it.
   */
  constructor(
    readonly number: number,
    readonly kind: Kind,
    argument: unknown,
    lazy: boolean,
    readonly settle: Settle,
    readonly options: TaskOptions,
  ) {
    this.#argument = argument;
    this.#lazy = lazy;
    this.call = taskFunction(number);
    this.retries = options.retries ?? 0;
  }

  /**
   * Adds it to what is to be written to a worker.
   * @throws PicklingError
   */
  sendBy(end: End): void {
    let sent!: Encoded;
    const place = end.add(this.number, this.kind, (room) => {
      return (sent = this.#kept ?? pack(this.#argument, false, room));
    });
    if (this.#kept !== null || (this.#lazy && !isDeposited(sent))) return;
    // What is changed from now on does not concern it.
    if (this.retries === 0) this.#argument = undefined;
    if (place < 0 || isDeposited(sent)) this.#kept = copied(sent);
    else this.#left = { place, length: sent.length };
  }

  /** The worker that was given it has not begun it, and will not. */
  takeBackFrom(end: End): void {
    if (this.#left === null) return;
    const { place, length } = this.#left;
    this.#left = null;
    this.#kept = copied({ buffer: end.left(place, length), length, descriptors: [] });
  }

  /** It has to wait, or may be begun twice: what is changed from now on does not concern it. */
  keep(): void {
    if (this.#lazy || this.#kept !== null || this.#left !== null) return;
    try {
      let room: Buffer | undefined;
      const encoded = pack(this.#argument, false, (size) => (room = Buffer.allocUnsafeSlow(size)));
      this.#kept = encoded.buffer === room ? { ...encoded } : copied(encoded);
      if (this.retries === 0) this.#argument = undefined;
    } catch (error) {
      this.failed(error);
    }
  }

  begin(now: number): void {
    if (this.running) return;
    this.running = true;
    if (this.options.timeout != null) this.deadline = now + this.options.timeout * 1000;
    this.onRunning?.();
  }

  /** Its worker died; another one will begin it anew. */
  again(): void {
    this.retries -= 1;
    this.#discard();
    this.running = false;
    this.deadline = Infinity;
  }

  returned(value: unknown): void {
    if (this.#end()) this.settle.returned(value);
  }

  failed(reason: unknown): void {
    this.#discard();
    if (this.#end()) this.settle.failed(reason);
  }

  /** Descriptors can be sent once: for another attempt the argument is serialised again. */
  #discard(): void {
    if (this.#kept === null || !isDeposited(this.#kept)) return;
    discard(this.#kept);
    this.#kept = null;
  }

  #end(): boolean {
    const first = !this.settled;
    this.settled = true;
    this.#argument = undefined;
    this.#kept = null;
    this.#left = null;
    this.call = undefined;
    if (first) this.onEnd?.();
    return first;
  }
}

/** No slice() of the buffer itself: a Buffer's is a view. */
function copied({ buffer, length, descriptors }: Encoded): Encoded {
  return { buffer: new Uint8Array(buffer.subarray(0, length)), length, descriptors };
}

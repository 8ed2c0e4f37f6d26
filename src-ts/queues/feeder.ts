/** The thread that writes what this process has put into a queue. */

import { registerAtFork } from '../at-fork';
import { atExit } from '../exit';
import { type FeederHandle, ownPid, posix } from '../native';
import type { Ends, MessagePipe } from './message-pipe';

/** Those of this process that may still have something to write. */
const running = new Set<Feeder>();

const FEW = 16;
/** When there are so many, those that have ended are forgotten. */
let mostRunning = FEW;

/** Whether the end of this process will finish them. */
let finishing = false;

/** Seconds after which the end of a process tells what it waits for. */
const PATIENCE = 5;

/** After the end of the children. */
const FEEDERS_LAST = -5;

export class Feeder {
  readonly #handle: FeederHandle;
  readonly #ends: Ends;
  readonly #name: string;
  /** Whose thread it is: there is none in a child. */
  readonly pid = ownPid;
  /** Whether the end of the process waits for it. */
  joinedAtExit = true;

  constructor(pipe: MessagePipe, name: string) {
    const { ends, writeLock, block } = pipe;
    const { reader, writer } = ends;
    this.#handle = posix.feederStart(reader, writer, writeLock.words, 0, block.keep());
    this.#ends = ends;
    this.#name = name;
    forgetEnded();
    running.add(this);
    if (finishing) return;
    finishing = true;
    atExit(FEEDERS_LAST, finishAll);
  }

  put(message: Uint8Array, length: number): void {
    posix.feederPut(this.#handle, message, length);
  }

  /** No more is put; what was is written. */
  close(): void {
    posix.feederClose(this.#handle);
  }

  /** Waits until all is written, for so many seconds; false when the time is over. */
  join(seconds = Infinity): boolean {
    return posix.feederJoin(this.#handle, seconds) >= 0;
  }

  async joinAsync(): Promise<void> {
    await posix.feederJoinAsync(this.#handle, Infinity);
  }

  /** At the end of the process, which does not wait for what nobody else can read. */
  finish(): void {
    this.close();
    this.#ends.close();
    posix.feederStopReading(this.#handle);
    if (this.join(PATIENCE)) return;
    const text = `multiproc: the end of this process waits until what it has put into ${this.#name} is read\n`;
    posix.writeAll(2, Buffer.from(text));
    this.join();
  }

  forget(): void {
    posix.feederForget(this.#handle);
  }
}

/** Closes the feeders of queues that are collected. Those of a parent are left alone. */
export const closesFeeder = new FinalizationRegistry<Feeder>((feeder) => {
  if (feeder.pid === ownPid) feeder.close();
});

/** Where there are many, not with each new one. */
function forgetEnded(): void {
  if (running.size < mostRunning) return;
  for (const feeder of running) if (feeder.join(0)) running.delete(feeder);
  mostRunning = Math.max(2 * running.size, FEW);
}

function finishAll(): void {
  for (const feeder of running) if (feeder.joinedAtExit) feeder.finish();
}

registerAtFork({
  child() {
    for (const feeder of running) feeder.forget();
    running.clear();
    finishing = false;
  },
});

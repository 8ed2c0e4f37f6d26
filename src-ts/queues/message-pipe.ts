/** A pipe of whole messages for any number of writers and readers. */

import { handleIsClosed } from '../connection/errors';
import { EOFError } from '../errors';
import { Block, type BlockAddress, constructBlock, reduceBlock } from '../heap';
import { unpack } from '../message';
import { END, LOST, NOTHING, posix } from '../native';
import { register } from '../serialization';
import { afterSeconds } from '../timer';
import { acquireRobust, Mutex } from '../synchronize/lock';

// The words of the block: two locks.
const WORDS_OF_LOCK = 2;
const READERS = 0;
const WRITERS = 1;

/** Read at once; longer messages get memory of their own. */
const scratch = new Uint8Array(64 * 1024);

/** Nothing is there to be read. */
export const nothing = Symbol('nothing');
/** A message was lost with the process that wrote it. */
export const lost = Symbol('lost');

/** The shared parts of a pipe that came from another process. */
interface PipeParts {
  reader: number;
  writer: number;
  block: Block;
}

/** The two descriptors. They are closed once: by close(), collection, or the end of the process. */
export class Ends {
  #closed = false;

  constructor(
    readonly reader: number,
    readonly writer: number,
  ) {}

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    posix.close(this.reader);
    posix.close(this.writer);
  }
}

/** Closes the descriptors of those that nobody closed. */
const closer = new FinalizationRegistry<Ends>((ends) => ends.close());

export class MessagePipe {
  readonly ends: Ends;
  readonly block: Block;
  readonly writeLock: Mutex;
  readonly #readLock: Mutex;
  readonly #pair: Int32Array;
  /** Calls that end a wait. */
  readonly #waits = new Set<() => void>();

  constructor(parts?: PipeParts) {
    this.block = parts?.block ?? Block.allocate(8 * WORDS_OF_LOCK);
    const [reader, writer] = parts ? [parts.reader, parts.writer] : posix.cellPipe();
    this.ends = new Ends(reader, writer);
    const lock = (index: number): Mutex =>
      new Mutex(new Int32Array(this.block.buffer, index * 4 * WORDS_OF_LOCK, WORDS_OF_LOCK));
    this.#readLock = lock(READERS);
    this.writeLock = lock(WRITERS);
    this.#pair = Int32Array.of(reader, posix.POLLIN);
    closer.register(this, this.ends, this);
  }

  get closed(): boolean {
    return this.ends.closed;
  }

  close(): void {
    this.endWaits();
    closer.unregister(this);
    this.ends.close();
  }

  /** Whoever waits in pollAsync() waits no longer. */
  endWaits(): void {
    for (const end of this.#waits) end();
  }

  /**
   * The next message, if one is there.
   * @param taken Called as soon as it is out of the pipe, before it is decoded.
   * @throws OSError when it is closed.
   */
  read(taken: () => void): unknown {
    if (this.closed) throw handleIsClosed();
    const message = this.#readBytes();
    if (message === NOTHING) return nothing;
    if (message === END) throw new EOFError();
    taken();
    if (message === LOST) return lost;
    return typeof message === 'number'
      ? unpack(scratch, undefined, false, message)
      : unpack(new Uint8Array(message), undefined, true);
  }

  #readBytes(): number | ArrayBuffer {
    const lock = this.#readLock;
    acquireRobust(lock);
    try {
      return posix.cellsRead(this.ends.reader, scratch, this.writeLock.words, 0);
    } finally {
      lock.release();
    }
  }

  /** Waits until something can be read, for so many seconds; false when the time is over. */
  poll(seconds: number): boolean {
    if (this.closed) throw handleIsClosed();
    this.#pair[1] = posix.POLLIN;
    return posix.poll(this.#pair, seconds) > 0;
  }

  /** Like poll(), without blocking the event loop. */
  async pollAsync(seconds: number): Promise<void> {
    if (this.closed) throw handleIsClosed();
    await new Promise<void>((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (): void => {
        this.#waits.delete(end);
        posix.unwatch(watch);
        clearTimeout(timer);
        resolve();
      };
      const watch = posix.watch(this.ends.reader, end, posix.POLLIN);
      if (seconds < Infinity) timer = afterSeconds(seconds, end);
      this.#waits.add(end);
    });
  }
}

interface PipeMessage {
  reader: number;
  writer: number;
  block: BlockAddress;
}

register(MessagePipe, {
  name: 'multiproc.MessagePipe',
  reduce: (pipe: MessagePipe, out) => {
    if (pipe.closed) throw handleIsClosed();
    const { reader, writer } = pipe.ends;
    const { block } = pipe;
    return { reader: out.add(reader), writer: out.add(writer), block: reduceBlock(block, out) };
  },
  construct: ({ reader, writer, block }: PipeMessage, from) => {
    return new MessagePipe({
      reader: from.take(reader),
      writer: from.take(writer),
      block: constructBlock(block, from),
    });
  },
});

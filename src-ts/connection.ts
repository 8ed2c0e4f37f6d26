/** Connections and pipes: CPython's multiprocessing/connection.py. */

import { inspect } from 'node:util';

import { checkedBoolean, checkedInteger, withKnownNames } from './arguments';
import {
  type Bytes,
  checkedMaxlength,
  checkedSize,
  checkedStart,
  toBytes,
} from './connection/bytes';
import { badMessageLength, handleIsClosed, isReadOnly, isWriteOnly } from './connection/errors';
import { checkLength, FrameReader, frameSize, type Message, readPayload } from './connection/frame';
import {
  closeAll,
  newReceived,
  raiseLost,
  someWereLost,
  takeReceived,
} from './connection/received';
import { MUST_WAIT, Turns } from './connection/turns';
import { wait, waitAsync } from './connection/wait';
import { BufferTooShort, EOFError, ValueError } from './errors';
import { type Encoded, pack, unpack } from './message';
import { posix } from './native';
import { register } from './serialization';

export { type Bytes } from './connection/bytes';
export { recvHandle, sendHandle } from './connection/handles';
export { wait, waitAsync, type Waitable } from './connection/wait';

/** Messages that fit are read into this one; undefined while somebody looks at it. */
let scratch: Buffer | undefined = Buffer.alloc(64 * 1024);
const received = newReceived();

/** Closes the descriptors of those that nobody closed. In a forked child, the child's own copies. */
const closer = new FinalizationRegistry<number>((fd) => {
  try {
    posix.close(fd);
  } catch {
    // It was closed by its number.
  }
});

/**
 * One end of a pipe: messages keep their boundaries, and may be any objects that can be serialized.
 * Several processes may hold the same end; to send or receive at the same time, they need a lock.
 *
 * Methods without `Async` block, in the kernel. While they do, no JavaScript runs in this process,
 * handlers of signals included.
 *
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.connection.Connection
 */
export class Connection {
  #handle: number | null;
  #readable: boolean;
  #writable: boolean;
  readonly #socket: boolean;
  /** Whether descriptors can go along. */
  readonly #inline: boolean;
  #receiving: Turns | undefined;
  #sending: Turns | undefined;
  /** A message of which a part was received asynchronously. */
  #partial: FrameReader | undefined;

  /**
   * @param handle A descriptor, which the connection closes.
   * @throws ValueError if the handle is negative, or the end neither readable nor writable.
   */
  constructor(handle: number, readable = true, writable = true) {
    if (checkedInteger('handle', handle) < 0) throw new ValueError('invalid handle');
    if (!readable && !writable) {
      throw new ValueError('at least one of `readable` and `writable` must be True');
    }
    this.#handle = handle;
    this.#readable = readable;
    this.#writable = writable;
    const family = posix.socketFamily(handle);
    this.#socket = family !== posix.AF_UNSPEC;
    this.#inline = family === posix.AF_UNIX;
    closer.register(this, handle, this);
  }

  /** Whether close() was called. */
  get closed(): boolean {
    return this.#handle === null;
  }

  /** Whether one can receive from this end. */
  get readable(): boolean {
    return this.#readable;
  }

  /** Whether one can send to this end. */
  get writable(): boolean {
    return this.#writable;
  }

  /**
   * The descriptor.
   * @throws OSError when it is closed.
   */
  fileno(): number {
    if (this.#handle === null) throw handleIsClosed();
    return this.#handle;
  }

  /** Closes this end. Asynchronous calls under way fail. Does nothing the second time. */
  close(): void {
    const fd = this.#handle;
    if (fd === null) return;
    this.#handle = null;
    closer.unregister(this);
    this.#ownTurns(this.#receiving)?.cancel(handleIsClosed());
    this.#ownTurns(this.#sending)?.cancel(handleIsClosed());
    this.#partial?.discard();
    posix.close(fd);
  }

  /**
   * Sends an object. Blocks while the pipe is full.
   * @throws BrokenPipeError when nobody can receive it.
   * @throws OSError when it is closed or read-only.
   */
  send(object: unknown): void {
    const fd = this.#toSend();
    const { buffer, length, descriptors } = this.#pack(object);
    posix.sendFrame(fd, this.#socket, buffer, 0, length, orNone(descriptors));
  }

  /** Like send(), without blocking the event loop: done when all is in the pipe. */
  async sendAsync(object: unknown): Promise<void> {
    this.#checkWritable();
    const { buffer, length, descriptors } = this.#pack(object);
    await this.#sendFrame(buffer, 0, length, descriptors, true);
  }

  /**
   * Receives an object. Blocks until there is one.
   * @throws EOFError when nothing is left, and the other end is closed in every process.
   * @throws OSError when it is closed or write-only, or the message is cut off.
   */
  recv<Value = unknown>(): Value {
    const fd = this.#toReceive();
    const bytes = takeScratch();
    try {
      const length = posix.recvFrame(fd, this.#socket, bytes, 0, bytes.length, received);
      const inScratch = length >= 0 && length <= bytes.length;
      const descriptors = takeReceived(received);
      if (someWereLost(received)) this.#failLost(fd, inScratch ? 0 : length, descriptors);
      if (inScratch) return unpack(bytes.subarray(0, length), descriptors, false) as Value;
      return unpack(this.#readLong(fd, length, descriptors), descriptors, true) as Value;
    } finally {
      scratch = bytes;
    }
  }

  /** Like recv(), without blocking the event loop. Several get their messages in order. */
  async recvAsync<Value = unknown>(): Promise<Value> {
    return this.#receiveFrame(
      Infinity,
      ({ bytes, descriptors }) => unpack(bytes, descriptors, true) as Value,
    );
  }

  /**
   * Sends bytes as one message: `size` of them from `offset` on; by default to the end.
   * @throws ValueError if there are not so many. Else as send().
   */
  sendBytes(buffer: Bytes, offset = 0, size: number | null = null): void {
    this.#checkWritable();
    const bytes = toBytes('buffer', buffer);
    const length = checkedSize(bytes.length, offset, size);
    posix.sendFrame(this.#toSend(), this.#socket, bytes, offset, length, undefined);
  }

  /** Like sendBytes(), without blocking the event loop. The bytes must not change until it is done. */
  async sendBytesAsync(buffer: Bytes, offset = 0, size: number | null = null): Promise<void> {
    this.#checkWritable();
    const bytes = toBytes('buffer', buffer);
    const length = checkedSize(bytes.length, offset, size);
    await this.#sendFrame(bytes, offset, length, [], false);
  }

  /**
   * Receives the bytes of one message. Blocks until there is one.
   * @param maxlength After a longer message the connection cannot be read any more.
   * @throws OSError if the message is longer than maxlength. Else as recv().
   */
  recvBytes(maxlength: number | null = null): Buffer {
    this.#checkReadable();
    const limit = checkedMaxlength(maxlength);
    const fd = this.#toReceive();
    const bytes = takeScratch();
    try {
      const room = Math.min(limit, bytes.length);
      const length = posix.recvFrame(fd, this.#socket, bytes, 0, room, undefined);
      if (!(length >= 0 && length <= room)) return this.#readLong(fd, length, undefined, limit);
      const message = Buffer.allocUnsafe(length);
      bytes.copy(message, 0, 0, length);
      return message;
    } finally {
      scratch = bytes;
    }
  }

  /** Like recvBytes(), without blocking the event loop. */
  async recvBytesAsync(maxlength: number | null = null): Promise<Buffer> {
    this.#checkReadable();
    return this.#receiveFrame(checkedMaxlength(maxlength), ({ bytes, descriptors }) => {
      closeAll(descriptors);
      return bytes as Buffer;
    });
  }

  /**
   * Receives the bytes of one message into a buffer, from `offset` (bytes) on.
   * @returns Their number.
   * @throws BufferTooShort if they do not fit; the message is in its `args[0]`.
   * @throws ValueError if the offset is not in the buffer. Else as recv().
   */
  recvBytesInto(buffer: Bytes, offset = 0): number {
    this.#checkReadable();
    const bytes = toBytes('buffer', buffer);
    checkedStart(bytes.length, offset);
    const fd = this.#toReceive();
    const room = bytes.length - offset;
    const length = posix.recvFrame(fd, this.#socket, bytes, offset, room, undefined);
    if (length >= 0 && length <= room) return length;
    throw new BufferTooShort(this.#readLong(fd, length, undefined));
  }

  /**
   * Waits until there is something to receive, for `timeout` seconds at most; null means for ever.
   * True also at the end: recv() does not block then.
   * @throws OSError when it is closed or write-only.
   */
  poll(timeout: number | null = 0): boolean {
    this.#checkReadable();
    return wait([this], timeout).length > 0;
  }

  /** Like poll(), without blocking the event loop. */
  async pollAsync(timeout: number | null = 0): Promise<boolean> {
    this.#checkReadable();
    return (await waitAsync([this], timeout)).length > 0;
  }

  /** What is received, until the other end is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    for (;;) {
      const message = await this.#nextMessage();
      if (message === undefined) return;
      yield unpack(message.bytes, message.descriptors, true);
    }
  }

  /** The same as close(). */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The same as close(). */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  toString(): string {
    if (this.#handle === null) return `<${this.constructor.name} closed>`;
    const directions = [this.#readable && 'readable', this.#writable && 'writable'];
    return `<${this.constructor.name} fd=${this.#handle} ${directions.filter(Boolean).join(' ')}>`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #checkReadable(): number {
    const fd = this.fileno();
    if (!this.#readable) throw isWriteOnly();
    return fd;
  }

  #checkWritable(): number {
    const fd = this.fileno();
    if (!this.#writable) throw isReadOnly();
    return fd;
  }

  /** Who asked earlier, asynchronously, comes first. */
  #toReceive(): number {
    const fd = this.#checkReadable();
    if (this.#receiving === undefined) return fd;
    this.#ownTurns(this.#receiving)?.finish();
    return this.#checkReadable();
  }

  #toSend(): number {
    const fd = this.#checkWritable();
    this.#ownTurns(this.#sending)?.finish();
    return fd;
  }

  #ownTurns(turns: Turns | undefined): Turns | undefined {
    return turns?.inherited === false ? turns : undefined;
  }

  #pack(object: unknown): Encoded {
    const encoded = pack(object, this.#inline);
    const count = encoded.descriptors.length;
    if (count <= posix.mostDescriptors) return encoded;
    throw new ValueError(
      `a message can carry ${posix.mostDescriptors} descriptors at most, not ${count}`,
    );
  }

  /** The payload of a message that is too long for the scratch buffer, or the error. */
  #readLong(
    fd: number,
    length: number,
    descriptors: readonly number[] | undefined,
    limit = Infinity,
  ): Buffer {
    try {
      checkLength(length, limit);
      return readPayload(fd, length);
    } catch (error) {
      closeAll(descriptors);
      throw this.#unreadableAfter(error);
    }
  }

  /** As in Python: where the next message begins is unknown then. */
  #unreadableAfter(error: unknown): unknown {
    if ((error as Partial<NodeJS.ErrnoException>).message !== badMessageLength().message) {
      return error;
    }
    if (this.#writable) this.#readable = false;
    else this.close();
    return error;
  }

  #failLost(fd: number, unread: number, descriptors: readonly number[] | undefined): never {
    closeAll(descriptors);
    if (unread > 0) this.#readLong(fd, unread, undefined);
    raiseLost();
  }

  async #sendFrame(
    buffer: Uint8Array,
    offset: number,
    length: number,
    descriptors: readonly number[],
    isBorrowed: boolean,
  ): Promise<void> {
    const fd = this.#checkWritable();
    const size = frameSize(length);
    let bytes = buffer;
    let fds = descriptors;
    let copied: readonly number[] | undefined;
    let sent = 0;
    this.#sending = this.#ownTurns(this.#sending) ?? new Turns(fd, posix.POLLOUT, this);
    await this.#sending.do({
      attempt: () => {
        const socket = this.#socket;
        sent = posix.trySendFrame(fd, socket, bytes, offset, length, orNone(fds), sent);
        return sent < size ? MUST_WAIT : undefined;
      },
      beforeWaiting: () => {
        if (isBorrowed) bytes = Buffer.from(bytes.subarray(0, offset + length));
        // The sender may close its own before their turn comes.
        if (sent === 0) fds = copied = fds.map((each) => posix.dup(each));
      },
      atEnd: () => closeAll(copied),
    });
  }

  async #receiveFrame<Result>(
    limit: number,
    finish: (message: Message) => Result,
  ): Promise<Result> {
    const fd = this.#checkReadable();
    const fresh = (): Turns => {
      this.#partial = undefined;
      return new Turns(fd, posix.POLLIN, this);
    };
    this.#receiving = this.#ownTurns(this.#receiving) ?? fresh();
    return this.#receiving.do({
      attempt: () => {
        const message = this.#advance(this.#checkReadable(), limit);
        return message === undefined ? MUST_WAIT : finish(message);
      },
    });
  }

  #advance(fd: number, limit: number): Message | undefined {
    this.#partial ??= new FrameReader();
    try {
      const message = this.#partial.advance(fd, this.#socket, limit);
      if (message !== undefined) this.#partial = undefined;
      return message;
    } catch (error) {
      this.#partial = undefined;
      throw this.#unreadableAfter(error);
    }
  }

  /** The next message; undefined at the end. */
  async #nextMessage(): Promise<Message | undefined> {
    try {
      return await this.#receiveFrame(Infinity, (message) => message);
    } catch (error) {
      if (error instanceof EOFError) return undefined;
      throw error;
    }
  }
}

function takeScratch(): Buffer {
  const bytes = scratch ?? Buffer.alloc(64 * 1024);
  scratch = undefined;
  return bytes;
}

function orNone(descriptors: readonly number[]): readonly number[] | undefined {
  return descriptors.length === 0 ? undefined : descriptors;
}

register(Connection, {
  name: 'multiproc.Connection',
  reduce: (connection: Connection, out) => [
    out.add(connection.fileno()),
    connection.readable,
    connection.writable,
  ],
  construct: (parts, from) => {
    const [index, readable, writable] = parts as [number, boolean, boolean];
    return new Connection(from.take(index), readable, writable);
  },
});

/** What Python passes to Pipe() by keyword. */
export interface PipeOptions {
  /** Default: true. */
  duplex?: boolean;
}

/**
 * Two connected ends. With `duplex`, both send and receive (a pair of sockets); without, the first
 * only receives and the second only sends (a pipe).
 * @throws OSError EMFILE
 * @see https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Pipe
 */
export function Pipe(
  duplex: boolean | PipeOptions = true,
): [first: Connection, second: Connection] {
  const options = typeof duplex === 'object' ? duplex : { duplex };
  withKnownNames('Pipe', options, ['duplex']);
  const both = checkedBoolean('duplex', options.duplex ?? true);
  const [first, second] = both ? posix.socketpair() : posix.pipe();
  return [new Connection(first, true, both), new Connection(second, both, true)];
}

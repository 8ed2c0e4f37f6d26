/**
 * Standard input is empty in a child, as in Python. Standard output and error are written
 * synchronously: complete when the call returns, whatever ends the child then, and without what
 * the parent's streams had yet to write.
 */

import { createReadStream, type ReadStream } from 'node:fs';
import type { Writable } from 'node:stream';

import { registerAtFork } from '../at-fork';
import { expected } from '../errors';
import { forker, posix } from '../native';
import { main, realms } from '../realm';

type Callback = (error?: Error | null) => void;
type StreamName = 'stdout' | 'stderr';

/** Node's own getters, which make the stream at the first call and keep it. */
const original = {
  stdout: Object.getOwnPropertyDescriptor(main.process, 'stdout')!.get!,
  stderr: Object.getOwnPropertyDescriptor(main.process, 'stderr')!.get!,
};

registerAtFork({
  child() {
    emptyStdin();
    makeSynchronous('stdout', 1);
    makeSynchronous('stderr', 2);
    // Jest's console collects what is logged, to show it at the end: in the child nobody does.
    for (const realm of realms) realm.console = main.console;
  },
});

function emptyStdin(): void {
  posix.openAs('/dev/null', 0);
  let stdin: ReadStream | undefined;
  for (const { process } of realms) {
    Object.defineProperty(process, 'stdin', {
      configurable: true,
      enumerable: true,
      get: () => (stdin ??= createReadStream('/dev/null', { fd: 0, autoClose: false })),
    });
  }
}

/** A pipe's stream is mended in place: others hold references to it, the console among them. */
function makeSynchronous(name: StreamName, fd: number): void {
  let mended = false;
  const get = (): Writable => {
    const stream = original[name].call(main.process) as Writable & { _type?: string };
    if (!mended && stream._type === 'pipe') writeDirectly(stream, fd);
    mended = true;
    return stream;
  };
  for (const { process } of realms) {
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
  }
  if (forker().disarmed(fd)) get();
}

/** Past the stream's own buffer, which may hold what the parent has yet to write. */
function writeDirectly(stream: Writable, fd: number): void {
  function write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback) {
    if (typeof encoding === 'function') return write(chunk, undefined, encoding);
    let failure: Error | null = null;
    try {
      posix.writeAll(fd, toBytes(chunk, encoding));
    } catch (error) {
      failure = error as Error;
      stream.destroy(failure);
    }
    if (callback) main.process.nextTick(callback, failure);
    return true;
  }
  function end(chunk?: unknown, encoding?: BufferEncoding | Callback, callback?: Callback) {
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      write(chunk, encoding, callback);
    }
    main.process.nextTick(() => stream.emit('finish'));
    return stream;
  }
  Object.defineProperties(stream, {
    write: { value: write, configurable: true, writable: true },
    end: { value: end, configurable: true, writable: true },
    writableLength: { value: 0, configurable: true },
    writableNeedDrain: { value: false, configurable: true },
  });
}

function toBytes(chunk: unknown, encoding: BufferEncoding | undefined): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  throw new TypeError(expected('a string or a Uint8Array', 'chunk', chunk));
}

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
import { replaceInChildren } from './replace';

type Callback = (error?: Error | null) => void;

/** The stream of a pipe is mended in place: others hold references to it, the console among them. */
function synchronous(name: 'stdout' | 'stderr', fd: number): () => Writable {
  // Node's own getter, which makes the stream at the first call and keeps it.
  const node = Object.getOwnPropertyDescriptor(main.process, name)!;
  let mended = false;
  return () => {
    const stream = node.get!.call(main.process) as Writable & { _type?: string };
    if (!mended && stream._type === 'pipe') writeDirectly(stream, fd);
    mended = true;
    return stream;
  };
}

const getters = { stdout: synchronous('stdout', 1), stderr: synchronous('stderr', 2) };

let stdin: ReadStream | undefined;
const emptyStdin = (): ReadStream =>
  (stdin ??= createReadStream('/dev/null', { fd: 0, autoClose: false }));

for (const { process } of realms) {
  replaceInChildren(process, 'stdin', { get: emptyStdin, enumerable: true });
  replaceInChildren(process, 'stdout', { get: getters.stdout, enumerable: true });
  replaceInChildren(process, 'stderr', { get: getters.stderr, enumerable: true });
}
// Jest's console collects what is logged, to show it at the end: in a child nobody would.
if (main !== globalThis) {
  replaceInChildren(globalThis, 'console', { value: main.console, writable: true });
}

registerAtFork({
  child() {
    posix.openAs('/dev/null', 0);
    stdin = undefined;
    if (forker().disarmed(1)) getters.stdout();
    if (forker().disarmed(2)) getters.stderr();
  },
});

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

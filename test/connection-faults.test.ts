/** What goes wrong on a connection: the other side's end, and bytes that no connection sends. */

import { readFileSync } from 'node:fs';

import { Connection, EOFError, Pipe, Process } from 'multiproc';

import { errorOf, expectNoChildren, patience, rejectionOf } from './lib/child';
import { addon, openDescriptors, pattern, withPipe } from './lib/pipe';

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => {
  expectNoChildren();
  expect(openDescriptors().filter((fd) => !before.includes(fd))).toEqual([]);
});

/** A reader at whose other end these bytes were written, and then the end. */
function readerOf(bytes: Uint8Array, duplex = true): Connection {
  const [reader, writer] = Pipe(duplex);
  addon.writeAll(writer.fileno(), bytes);
  writer.close();
  return reader;
}

/** A frame with this length, and not one byte of what it promises. */
function header(length: bigint): Buffer {
  const bytes = Buffer.alloc(length > 0x7fffffffn ? 12 : 4);
  if (bytes.length === 4) bytes.writeInt32BE(Number(length));
  else bytes.writeBigUInt64BE(length, bytes.writeInt32BE(-1));
  return bytes;
}

/** Resident memory in bytes. */
function resident(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
}

describe.each([[true], [false]])('duplex: %s', (duplex) => {
  test('nobody to receive: BrokenPipeError, no signal', () =>
    withPipe(duplex, (reader, writer) => {
      const child = new Process({
        target: () => {
          reader.close();
          process.exitCode = errorOf(() => writer.send(1))?.startsWith('BrokenPipeError') ? 5 : 1;
        },
      });
      reader.close();
      expect(errorOf(() => writer.send(1))).toBe('BrokenPipeError: [Errno 32] Broken pipe');
      expect(errorOf(() => writer.sendBytes(pattern(100_000)))).toContain('BrokenPipeError');
      child.start();
      child.join(patience);
      expect(child.exitcode).toBe(5);
    }));

  test('the end comes when the last copy is closed, in whatever process', () =>
    withPipe(duplex, (reader, writer) => {
      const [go, start] = Pipe();
      const child = new Process({
        target: () => {
          go.recv();
          writer.send('from the last one');
        },
      });
      child.start();
      writer.close();
      expect(reader.poll(0.05)).toBe(false);
      start.send('go');
      expect(reader.recv()).toBe('from the last one');
      expect(() => reader.recv()).toThrow(EOFError);
      child.join(patience);
      go.close();
      start.close();
    }));

  test('a process that is killed closes its end', () =>
    withPipe(duplex, (reader, writer) => {
      const child = new Process({ target: () => writer.sendBytes(pattern(10_000_000)) });
      child.start();
      writer.close();
      expect(reader.poll(patience)).toBe(true);
      child.kill();
      child.join(patience);
      expect(errorOf(() => reader.recvBytes())).toBe('OSError: got end of file during message');
    }));

  test.each([
    ['in the header', Buffer.from([0, 0])],
    ['in the long header', header(5n * 2n ** 30n).subarray(0, 7)],
    ['before the payload', header(3n)],
    ['in the payload', Buffer.concat([header(30n), pattern(29)])],
    ['in a large payload', Buffer.concat([header(200_000n), pattern(10)])],
  ])('cut off %s', async (_where, bytes) => {
    const ways: ((reader: Connection) => unknown)[] = [
      (reader) => reader.recv(),
      (reader) => reader.recvBytes(),
      (reader) => reader.recvBytesInto(Buffer.alloc(100)),
      (reader) => reader.recvAsync(),
      (reader) => reader.recvBytesAsync(),
    ];
    for (const receive of ways) {
      const reader = readerOf(bytes, duplex);
      const failure = rejectionOf(Promise.resolve().then(() => receive(reader)));
      expect(await failure).toBe('OSError: got end of file during message');
      reader.close();
    }
  });

  test.each([
    ['2^63', 2n ** 63n],
    ['2^64 - 1', 2n ** 64n - 1n],
    ['2^53', 2n ** 53n],
    ['2^40', 2n ** 40n],
    ['2^33', 2n ** 33n],
    ['2^31 - 1', 2n ** 31n - 1n],
  ])('a length of %s that is a lie takes no memory', async (_name, length) => {
    const start = resident();
    const fine = /^OSError: (bad message length|no memory for|got end of file during message)/;
    for (const receive of [
      (reader: Connection) => reader.recv(),
      (reader: Connection) => reader.recvBytes(),
      (reader: Connection) => reader.recvBytesAsync(),
    ]) {
      const reader = readerOf(Buffer.concat([header(length), pattern(50)]), duplex);
      expect(await rejectionOf(Promise.resolve().then(() => receive(reader)))).toMatch(fine);
      reader.close();
    }
    expect(resident() - start).toBeLessThan(200e6);
  });
});

test('maxlength: a longer message is bad; a duplex end still writes', () =>
  withPipe(true, (a, b) => {
    a.sendBytes(pattern(10));
    expect(b.recvBytes(10)).toHaveLength(10);
    a.sendBytes(pattern(11));
    expect(errorOf(() => b.recvBytes(10))).toBe('OSError: bad message length');
    expect([b.closed, b.readable, b.writable]).toEqual([false, false, true]);
    expect(errorOf(() => b.recv())).toBe('OSError: connection is write-only');
    b.send('still');
    expect(a.recv()).toBe('still');
    return withPipe(false, (reader, writer) => {
      writer.sendBytes(pattern(60_000));
      expect(errorOf(() => reader.recvBytes(59_999))).toBe('OSError: bad message length');
      expect(reader.closed).toBe(true);
    });
  }));

test('a negative length is bad', () => {
  const reader = readerOf(Buffer.from([0x80, 0, 0, 0, 1, 2, 3]));
  expect(errorOf(() => reader.recvBytes())).toBe('OSError: bad message length');
  reader.close();
});

test('a descriptor that somebody made non-blocking', () =>
  withPipe(true, (a, b) => {
    // libuv does that to what it is given.
    const { Socket } = require('node:net') as typeof import('node:net');
    const fd = addon.dup(a.fileno());
    const other = addon.dup(b.fileno());
    const sockets = [new Socket({ fd }), new Socket({ fd: other })];
    const child = new Process({ target: () => b.sendBytes(b.recvBytes()) });
    child.start();
    a.sendBytes(pattern(2_000_000));
    expect(a.recvBytes().equals(pattern(2_000_000))).toBe(true);
    child.join(patience);
    for (const socket of sockets) socket.destroy();
  }));

describe('5000 random streams', () => {
  /** Xorshift: the same streams in each run. */
  function generator(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
  }

  /** Frames, of which some are whole, some lie, and some are garbage. */
  function randomStream(random: (below: number) => number): Buffer {
    const parts: Buffer[] = [];
    for (let frames = random(4); frames >= 0; frames--) {
      const payload = Buffer.from(Array.from({ length: random(40) }, () => random(256)));
      const kind = random(8);
      if (kind < 5) parts.push(header(BigInt(payload.length)), payload);
      else if (kind === 5) parts.push(header(BigInt(random(2 ** 31)) << BigInt(random(34))));
      else if (kind === 6) parts.push(Buffer.from([255, 255, 255, 255]), payload);
      else parts.push(payload);
    }
    return Buffer.concat(parts);
  }

  /** What a stream means: its messages and the error at its end, as Python would have it. */
  function meaningOf(stream: Buffer): string[] {
    const seen: string[] = [];
    for (let at = 0; ;) {
      const left = stream.length - at;
      if (left === 0) return [...seen, 'EOFError: '];
      const long = left >= 4 && stream.readInt32BE(at) === -1;
      if (left < (long ? 12 : 4)) return [...seen, CUT];
      const length = long ? stream.readBigUInt64BE(at + 4) : BigInt(stream.readInt32BE(at));
      at += long ? 12 : 4;
      if (length < 0n || length > 1000n) return [...seen, BAD];
      if (Number(length) > stream.length - at) return [...seen, CUT];
      seen.push(stream.toString('hex', at, at + Number(length)));
      at += Number(length);
    }
  }

  const CUT = 'OSError: got end of file during message';
  const BAD = 'OSError: bad message length';

  /** All that is received, blocking or not; `more` provides the next piece. */
  async function received(reader: Connection, sync: boolean): Promise<string[]> {
    const seen: string[] = [];
    for (;;) {
      try {
        const bytes = sync ? reader.recvBytes(1000) : await reader.recvBytesAsync(1000);
        seen.push(bytes.toString('hex'));
      } catch (error) {
        return [
          ...seen,
          errorOf(() => {
            throw error;
          })!,
        ];
      }
    }
  }

  test.each([[true], [false]])('duplex: %s', async (duplex) => {
    const random = generator(20240607);
    for (let i = 0; i < 2500; i++) {
      const stream = randomStream(random);
      const [reader, writer] = Pipe(duplex);
      const sync = random(2) === 0;
      const split = random(stream.length + 1);
      addon.writeAll(writer.fileno(), stream.subarray(0, split));
      const early = sync ? undefined : received(reader, false);
      // A reader that has seen enough has closed its end.
      errorOf(() => addon.writeAll(writer.fileno(), stream.subarray(split)));
      writer.close();
      const seen = await (early ?? received(reader, true));
      if (String(seen) !== String(meaningOf(stream))) {
        expect({ i, seen }).toEqual({ i, seen: meaningOf(stream) });
      }
      reader.close();
    }
  });

  test('garbage instead of objects, with descriptors', () => {
    const random = generator(7);
    for (let i = 0; i < 500; i++) {
      const [reader, writer] = Pipe();
      const bytes = Buffer.concat([header(9n), Buffer.of(1), pattern(8)]);
      for (let k = 5; k < bytes.length; k++) bytes[k] = random(256);
      addon.sendmsg(writer.fileno(), bytes, bytes.length, [0, 1, 2]);
      errorOf(() => reader.recv());
      reader.close();
      writer.close();
    }
    expect(openDescriptors().filter((fd) => !before.includes(fd))).toEqual([]);
  });
});

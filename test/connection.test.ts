/** Connections and pipes, blocking. */

import { constants } from 'node:buffer';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';

import {
  BufferTooShort,
  Connection,
  EOFError,
  Pipe,
  Process,
  posix,
  recvHandle,
  sendHandle,
} from 'multiproc';
import * as submodule from 'multiproc/connection';

import { errorOf, exitcodeOf, expectNoChildren, patience, temporaryDirectory } from './lib/child';
import { addon, flagsOf, openDescriptors, pattern, withPipe } from './lib/pipe';
import { runSource, until } from './lib/run';
import { node } from './lib/signals';

/** Linux's O_CLOEXEC, which Node does not name. */
const CLOSE_ON_EXEC = 0o2000000;

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => {
  expectNoChildren();
  expect(openDescriptors().filter((fd) => !before.includes(fd))).toEqual([]);
});

/** Starts a child that echoes messages until the other end is closed. */
function echo(other: Connection, connection: Connection): Process {
  const child = new Process({
    target: () => {
      other.close();
      for (;;) {
        try {
          connection.sendBytes(connection.recvBytes());
        } catch (error) {
          if (error instanceof EOFError) return;
          throw error;
        }
      }
    },
  });
  child.start();
  connection.close();
  return child;
}

test('multiproc/connection has the names of the root', () => {
  expect(submodule.Pipe).toBe(Pipe);
  expect(Object.keys(submodule).sort()).toEqual(
    ['Connection', 'Pipe', 'recvHandle', 'sendHandle', 'wait', 'waitAsync'].sort(),
  );
});

describe('objects and bytes', () => {
  test('objects go both ways of a duplex pipe', () =>
    withPipe(true, (a, b) => {
      for (const value of [1, null, undefined, 'text', { list: [1, 2n, new Date(0)] }]) {
        a.send(value);
        expect(b.recv()).toEqual(value);
        b.send(value);
        expect(a.recv()).toEqual(value);
      }
    }));

  test('a received object does not share memory with the next one', () =>
    withPipe(false, (reader, writer) => {
      writer.send(new Uint8Array([1, 2, 3, 4]));
      writer.send(new Uint8Array([9, 9, 9, 9]));
      const first = reader.recv();
      reader.recv();
      expect(first).toEqual(new Uint8Array([1, 2, 3, 4]));
    }));

  test.each([[true], [false]])('messages of every size arrive whole (duplex: %s)', (duplex) =>
    withPipe(duplex, (reader, writer) => {
      const sizes = [0, 1, 3, 4096, 16384, 16385, 65535, 65536, 65537, 300_000, 5_000_000];
      const child = new Process({
        target: () => {
          reader.close();
          for (const size of sizes) writer.sendBytes(pattern(size));
        },
      });
      child.start();
      for (const size of sizes) expect(reader.recvBytes().equals(pattern(size))).toBe(true);
      child.join(patience);
      expect(child.exitcode).toBe(0);
    }),
  );

  test('header and payload are on the wire as Python has them', () =>
    withPipe(false, (reader, writer) => {
      writer.sendBytes(Buffer.from('hello'));
      writer.sendBytes(Buffer.alloc(0));
      const bytes = Buffer.alloc(13);
      expect(addon.readAll(reader.fileno(), bytes, 0, 13)).toBe(13);
      expect(bytes.toString('latin1')).toBe('\0\0\0\x05hello\0\0\0\0');
    }));

  test('sendBytes takes any buffer, and a part of it', () =>
    withPipe(true, (a, b) => {
      const received = (...args: Parameters<Connection['sendBytes']>): string => {
        a.sendBytes(...args);
        return b.recvBytes().toString('latin1');
      };
      const bytes = Buffer.from('abcdef');
      expect(received(bytes)).toBe('abcdef');
      expect(received(bytes, 2)).toBe('cdef');
      expect(received(bytes, 2, 3)).toBe('cde');
      expect(received(bytes, 6)).toBe('');
      expect(received(new Uint16Array([0x4241, 0x4443]), 1, 2)).toBe('BC');
      expect(received(new DataView(Uint8Array.from(bytes).buffer, 1, 2))).toBe('bc');
      expect(received(Uint8Array.from(bytes).buffer)).toBe('abcdef');
      expect(received(new SharedArrayBuffer(2))).toBe('\0\0');
    }));

  test('C189: recvBytesInto fills at an offset', () =>
    withPipe(true, (a, b) => {
      const buffer = new Int32Array(10);
      a.sendBytes(Int32Array.of(0, 1, 2, 3));
      expect(b.recvBytesInto(buffer)).toBe(16);
      expect([...buffer]).toEqual([0, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
      a.sendBytes(Int32Array.of(7, 8, 9, 10));
      expect(b.recvBytesInto(buffer, 12)).toBe(16);
      expect([...buffer]).toEqual([0, 1, 2, 7, 8, 9, 10, 0, 0, 0]);
    }));

  test.each([[40], [100_000]])('C190: BufferTooShort has the whole message (%d bytes)', (size) =>
    withPipe(true, (a, b) => {
      const child = new Process({ target: () => a.sendBytes(pattern(size)) });
      child.start();
      const error = (() => {
        try {
          return b.recvBytesInto(Buffer.alloc(30));
        } catch (thrown) {
          return thrown as BufferTooShort;
        }
      })();
      expect(error).toBeInstanceOf(BufferTooShort);
      expect((error as BufferTooShort).args[0].equals(pattern(size))).toBe(true);
      child.join(patience);
      a.sendBytes(Buffer.from('next'));
      expect(b.recvBytes().toString()).toBe('next');
    }),
  );

  test('a value that cannot be sent leaves the connection as it is', () =>
    withPipe(true, (a, b) => {
      expect(errorOf(() => a.send(() => 1))).toMatch(/^PicklingError/);
      a.send('next');
      expect(b.recv()).toBe('next');
    }));

  test('C209: messages keep their boundaries, empty ones too', () =>
    withPipe(false, (reader, writer) => {
      const messages = ['hello', '', 'a', 'there', '', '', 'x'.repeat(1000)];
      for (const message of messages) writer.sendBytes(Buffer.from(message));
      writer.close();
      for (const message of messages) expect(reader.recvBytes().toString()).toBe(message);
      expect(() => reader.recvBytes()).toThrow(EOFError);
    }));

  test('C210: poll() in one process takes nothing of what another one reads', () =>
    withPipe(true, (a, b) => {
      const child = new Process({
        target: () => {
          while (!b.poll(patience));
          b.poll();
        },
      });
      child.start();
      for (const message of ['first', 'second']) a.sendBytes(Buffer.from(message));
      child.join(patience);
      expect(child.exitcode).toBe(0);
      const reader = new Process({
        target: () => {
          if (b.recvBytes().toString() !== 'first') process.exitCode = 1;
        },
      });
      expect(exitcodeOf(reader)).toBe(0);
      expect(b.recvBytes().toString()).toBe('second');
    }));

  test('C211: messages are not merged, and poll() stays true until they are read', () =>
    withPipe(true, (a, b) => {
      expect(b.poll()).toBe(false);
      for (const message of ['hello', 'world']) a.sendBytes(Buffer.from(message));
      for (const message of ['hello', 'world']) {
        expect([b.poll(), b.poll(1), b.poll()]).toEqual([true, true, true]);
        expect(b.recvBytes().toString()).toBe(message);
      }
      expect(b.poll(0)).toBe(false);
    }));

  test('an echo in another process', () => {
    const [a, b] = Pipe();
    const child = echo(a, b);
    for (const size of [0, 1, 70_000, 1_000_000]) {
      a.sendBytes(pattern(size));
      expect(a.recvBytes().equals(pattern(size))).toBe(true);
    }
    a.close();
    child.join(patience);
    expect(child.exitcode).toBe(0);
  });
});

describe('state', () => {
  test('C191: poll() is false, at once or after its time, and true when data is there', () =>
    withPipe(true, (a, b) => {
      expect([b.poll(), b.poll(-1)]).toEqual([false, false]);
      const start = process.hrtime.bigint();
      expect(b.poll(0.2)).toBe(false);
      expect(Number(process.hrtime.bigint() - start) / 1e9).toBeGreaterThan(0.19);
      a.send(null);
      expect([b.poll(), b.poll(20), b.poll(null)]).toEqual([true, true, true]);
    }));

  test('C193: a duplex end reads and writes; after the peer has closed: EOFError', () =>
    withPipe(true, (a, b) => {
      expect([a.readable, a.writable]).toEqual([true, true]);
      b.close();
      expect(a.poll()).toBe(true);
      expect(() => a.recv()).toThrow(EOFError);
      expect(() => a.recvBytes()).toThrow(EOFError);
      expect(() => a.recvBytesInto(Buffer.alloc(1))).toThrow(EOFError);
    }));

  test('C194: the ends of a one-way pipe', () =>
    withPipe(false, (reader, writer) => {
      writer.send(1);
      expect(reader.recv()).toBe(1);
      expect([reader.readable, reader.writable]).toEqual([true, false]);
      expect([writer.readable, writer.writable]).toEqual([false, true]);
      expect(errorOf(() => reader.send(2))).toBe('OSError: connection is read-only');
      expect(errorOf(() => reader.sendBytes(Buffer.alloc(1)))).toContain('connection is read-only');
      expect(errorOf(() => writer.recv())).toBe('OSError: connection is write-only');
      expect(errorOf(() => writer.recvBytes())).toContain('connection is write-only');
      expect(errorOf(() => writer.poll())).toBe('OSError: connection is write-only');
    }));

  test('C195: the parent may close its copy right after start()', () =>
    withPipe(true, (a, b) => {
      const child = new Process({ target: () => b.send('hello') });
      child.start();
      b.close();
      expect(a.recv()).toBe('hello');
      expect(() => a.recv()).toThrow(EOFError);
      child.join(patience);
    }));

  test('C250: a bogus descriptor is an error', () => {
    expect(errorOf(() => new Connection(-1))).toBe('ValueError: invalid handle');
    const bogus = new Connection(44977608);
    for (const call of [
      () => bogus.poll(),
      () => bogus.recv(),
      () => bogus.send(1),
      () => bogus.sendBytes(Buffer.alloc(1)),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'EBADF' }));
    }
    expect(() => bogus.close()).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(bogus.closed).toBe(true);
  });

  test('neither readable nor writable', () => {
    expect(errorOf(() => new Connection(0, false, false))).toBe(
      'ValueError: at least one of `readable` and `writable` must be True',
    );
  });

  test('close() twice; every call afterwards fails', () =>
    withPipe(true, (a) => {
      expect(a.closed).toBe(false);
      a.close();
      a.close();
      expect(a.closed).toBe(true);
      const closed = 'OSError: handle is closed';
      expect(errorOf(() => a.send(1))).toBe(closed);
      expect(errorOf(() => a.recv())).toBe(closed);
      expect(errorOf(() => a.sendBytes(Buffer.alloc(1)))).toBe(closed);
      expect(errorOf(() => a.recvBytes())).toBe(closed);
      expect(errorOf(() => a.recvBytesInto(Buffer.alloc(1)))).toBe(closed);
      expect(errorOf(() => a.poll())).toBe(closed);
      expect(errorOf(() => a.fileno())).toBe(closed);
      expect(errorOf(() => sendHandle(a, 0))).toBe(closed);
    }));

  test('dispose, toString, inspect', () => {
    const [reader, writer] = Pipe({ duplex: false });
    expect(String(reader)).toBe(`<Connection fd=${reader.fileno()} readable>`);
    expect(inspect(writer)).toBe(`<Connection fd=${writer.fileno()} writable>`);
    reader[Symbol.dispose]();
    writer[Symbol.dispose]();
    expect([reader.closed, writer.closed, String(reader)]).toEqual([
      true,
      true,
      '<Connection closed>',
    ]);
  });

  test('arguments that make no sense', () =>
    withPipe(true, (a, b) => {
      const bytes = Buffer.alloc(4);
      const errors = (call: () => unknown): string => errorOf(call)!;
      expect(errors(() => a.sendBytes(bytes, -1))).toBe('ValueError: offset is negative');
      expect(errors(() => a.sendBytes(bytes, 5))).toBe('ValueError: buffer length < offset');
      expect(errors(() => a.sendBytes(bytes, 1, -1))).toBe('ValueError: size is negative');
      expect(errors(() => a.sendBytes(bytes, 1, 4))).toBe(
        'ValueError: buffer length < offset + size',
      );
      expect(errors(() => a.recvBytes(-1))).toBe('ValueError: negative maxlength');
      expect(errors(() => a.recvBytesInto(bytes, -1))).toBe('ValueError: negative offset');
      expect(errors(() => a.recvBytesInto(bytes, 5))).toBe('ValueError: offset too large');
      expect(errors(() => a.sendBytes('text' as any))).toMatch(/^TypeError: .*buffer.*'text'/);
      expect(errors(() => a.sendBytes(bytes, 0.5))).toMatch(/^TypeError: .*offset/);
      expect(errors(() => a.poll('1' as any))).toMatch(/^TypeError: .*timeout/);
      expect(errors(() => Pipe(1 as any))).toMatch(/^TypeError: .*duplex/);
      expect(errors(() => Pipe({ duplx: true } as any))).toContain('duplx');
      expect(b.poll()).toBe(false);
    }));

  test('a descriptor that nobody uses any more is closed', async () => {
    const { stdout } = await runSource(
      `const { Pipe } = require('multiproc');
       const count = () => require('node:fs').readdirSync('/proc/self/fd').length;
       Pipe().forEach((end) => end.close());
       const before = count();
       (function make() { for (let i = 0; i < 50; i++) Pipe(); })();
       const full = count();
       const check = (turns) => {
         gc();
         if (count() > before && turns > 0) setTimeout(check, 5, turns - 1);
         else console.log(full - before, count() - before);
       };
       check(200);`,
      { nodeArgs: ['--expose-gc'] },
    );
    expect(stdout).toBe('100 0\n');
  });
});

describe('descriptors', () => {
  let directory: string;
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** The child gets the descriptor of a file by `send`, and writes into it. */
  function writeByChild(prepare: () => number[]): string {
    const [a, b] = Pipe();
    const child = new Process({
      target: () => {
        const taken = prepare();
        const fd = recvHandle(b);
        addon.writeAll(fd, Buffer.from(`written, ${taken.length === 0 || fd > 256}`));
      },
    });
    child.start();
    b.close();
    const file = join(directory, 'file');
    const fd = openSync(file, 'w');
    sendHandle(a, fd, child.pid!);
    closeSync(fd);
    child.join(patience);
    a.close();
    expect(child.exitcode).toBe(0);
    return readFileSync(file, 'utf8');
  }

  test('C197: sendHandle and recvHandle', () => {
    expect(writeByChild(() => [])).toBe('written, true');
  });

  test('C198: numbers above 256', () => {
    const many = (): number[] => Array.from({ length: 300 }, () => openSync('/dev/null', 'r'));
    expect(writeByChild(many)).toBe('written, true');
  });

  test('C199: a byte without a descriptor', () =>
    withPipe(true, (a, b) => {
      addon.writeAll(a.fileno(), Buffer.from('\0'));
      expect(errorOf(() => recvHandle(b))).toBe('RuntimeError: received 0 items of ancdata');
      a.close();
      expect(() => recvHandle(b)).toThrow(EOFError);
    }));

  test('handles need a socket, and exactly one', () =>
    withPipe(true, (a, b) => {
      addon.sendmsg(a.fileno(), Buffer.of(2), 1, [0, 1]);
      expect(errorOf(() => recvHandle(b))).toBe('RuntimeError: Invalid data received');
      addon.sendmsg(a.fileno(), Buffer.of(7), 1, [0]);
      expect(errorOf(() => recvHandle(b))).toBe('AssertionError: Len is 1 but msg[0] is 7');
      expect(() => sendHandle(a, 44977608)).toThrow(expect.objectContaining({ code: 'EBADF' }));
      return withPipe(false, (_, writer) => {
        expect(() => sendHandle(writer, 0)).toThrow(expect.objectContaining({ code: 'ENOTSOCK' }));
      });
    }));

  test('C213: ends of pipes can be sent; the sender closes its copy', () =>
    withPipe(true, (a, b) => {
      const child = new Process({
        target: () => {
          for (;;) {
            const each = b.recv<Connection | null>();
            if (each === null) return;
            if (each.writable) each.send(['hello', each.readable]);
            else b.send(each.recv());
            each.close();
          }
        },
      });
      child.start();
      const [reader, writer] = Pipe(false);
      a.send(writer);
      writer.close();
      expect(reader.recv()).toEqual(['hello', false]);
      expect(() => reader.recv()).toThrow(EOFError);
      reader.close();

      const [reader2, writer2] = Pipe(false);
      a.send(reader2);
      reader2.close();
      writer2.send('through');
      expect(a.recv()).toBe('through');
      writer2.close();
      a.send(null);
      child.join(patience);
      expect(child.exitcode).toBe(0);
    }));

  test('253 descriptors in one message, not more', () =>
    withPipe(true, (a, b) => {
      const ends = Array.from(
        { length: 254 },
        () => new Connection(openSync('/dev/null', 'r'), true, false),
      );
      a.send(ends.slice(1));
      const copies = b.recv<Connection[]>();
      expect(new Set(copies.map((each) => each.fileno())).size).toBe(253);
      expect(errorOf(() => a.send(ends))).toBe(
        'ValueError: a message can carry 253 descriptors at most, not 254',
      );
      for (const each of [...copies, ...ends]) each.close();
      expect(errorOf(() => a.send(ends[0]))).toContain('OSError: handle is closed');
      expect(b.poll()).toBe(false);
    }));

  test('recvBytes closes descriptors that nobody expects', () =>
    withPipe(true, (a, b) => {
      a.send([b]);
      const open = openDescriptors().length;
      b.recvBytes();
      expect(openDescriptors()).toHaveLength(open);
    }));

  test('descriptors that find no room: an error, and the next message', async () => {
    const { stdout } = await runSource(
      `const { Pipe } = require('multiproc');
       const { closeSync, openSync } = require('node:fs');
       const [a, b] = Pipe();
       const [c, d] = Pipe();
       a.send([a, b, c, d]);
       a.send([a, 'x'.repeat(1e5)]);
       a.send('next');
       console.log('room for one, then for none');
       const fill = () => {
         try {
           for (;;) openSync('/dev/null', 'r');
         } catch {}
       };
       fill();
       closeSync(63);
       for (let i = 0; i < 3; i++) {
         try {
           console.log(b.recv());
         } catch (error) {
           console.log(error.code);
         }
         fill();
       }`,
      { via: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] },
    );
    expect(stdout).toBe('room for one, then for none\nEMFILE\nEMFILE\nnext\n');
  });
});

describe('processes', () => {
  test('C249: waiting goes on after a signal', () => {
    let handled = 0;
    const handler = (): void => {
      handled += 1;
    };
    node.on('SIGUSR2', handler);
    const parent = process.pid;
    return withPipe(false, async (reader, writer) => {
      const child = new Process({
        target: () => {
          for (let i = 0; i < 3; i++) {
            posix.kill(parent, 'SIGUSR2');
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
          }
          writer.send('after');
        },
      });
      child.start();
      expect(reader.poll(patience)).toBe(true);
      expect(reader.recv()).toBe('after');
      child.join(patience);
      expect(child.exitcode).toBe(0);
      await until(() => handled > 0);
      node.off('SIGUSR2', handler);
    });
  });

  test('ends are close-on-exec', () =>
    withPipe(true, (a, b) =>
      withPipe(false, (c, d) => {
        for (const each of [a, b, c, d]) {
          expect(flagsOf(each.fileno()) & CLOSE_ON_EXEC).not.toBe(0);
        }
      }),
    ));
});

/** Takes 8 GB of memory and some seconds: MULTIPROC_TEST_HUGE=1. */
const huge = process.env['MULTIPROC_TEST_HUGE'] ? test : test.skip;

huge.each([[2 ** 30], [2 ** 31 - 1], [2 ** 31 + 5], [2.5 * 2 ** 30]])(
  'a message of %d bytes',
  (size) => {
    if (size > constants.MAX_LENGTH) return;
    const [a, b] = Pipe();
    const child = new Process({
      target: () => {
        const bytes = b.recvBytes();
        bytes[0] = 3;
        b.sendBytes(bytes);
      },
    });
    child.start();
    b.close();
    const bytes = Buffer.alloc(size);
    bytes[size - 1] = 7;
    a.sendBytes(bytes);
    expect(a.recvBytesInto(bytes)).toBe(size);
    expect([bytes[0], bytes[size - 1]]).toEqual([3, 7]);
    child.join(patience);
    a.close();
  },
  120_000,
);

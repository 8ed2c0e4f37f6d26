/** The asynchronous twins of Connection's methods, which leave the open file blocking. */

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { BufferTooShort, Connection, EOFError, Pipe, posix, Process } from 'multiproc';

import { expectNoChildren, inChild, patience, rejectionOf } from './lib/child';
import { addon, flagsOf, openDescriptors, pattern, withPipe } from './lib/pipe';
import { runSource } from './lib/run';

/** Linux's O_NONBLOCK, which Node does not name. */
const NON_BLOCKING = 0o4000;

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => {
  expectNoChildren();
  expect(openDescriptors().filter((fd) => !before.includes(fd))).toEqual([]);
});

/** Whether the event loop turns while the promise is pending. */
async function turnsDuring(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const done = promise.finally(() => (settled = true));
  await delay(1);
  const turned = !settled;
  await done;
  return turned;
}

describe.each([[true], [false]])('duplex: %s', (duplex) => {
  test('recvAsync waits on the event loop', () =>
    withPipe(duplex, async (reader, writer) => {
      const promise = reader.recvAsync();
      setTimeout(() => writer.send('later'), 20);
      expect(await turnsDuring(promise)).toBe(true);
      expect(await promise).toBe('later');
    }));

  test('the open file stays as it is', () =>
    withPipe(duplex, async (reader, writer) => {
      const receiving = reader.recvBytesAsync();
      const sending = writer.sendBytesAsync(pattern(2_000_000));
      await delay(5);
      for (const end of [reader, writer]) expect(flagsOf(end.fileno()) & NON_BLOCKING).toBe(0);
      await Promise.all([receiving, sending]);
      for (const end of [reader, writer]) expect(flagsOf(end.fileno()) & NON_BLOCKING).toBe(0);
    }));

  test('messages of every size, larger than the pipe too', () =>
    withPipe(duplex, async (reader, writer) => {
      for (const size of [0, 1, 4096, 65536, 65537, 3_000_000]) {
        const sending = writer.sendBytesAsync(pattern(size));
        expect((await reader.recvBytesAsync()).equals(pattern(size))).toBe(true);
        await sending;
      }
    }));

  test('several pending calls are served in order', () =>
    withPipe(duplex, async (reader, writer) => {
      const sends = [400_000, 3, 200_000, 0].map((size) => writer.sendBytesAsync(pattern(size)));
      const receives = Array.from({ length: 4 }, () => reader.recvBytesAsync());
      const sizes = (await Promise.all(receives)).map((bytes) => bytes.length);
      expect(sizes).toEqual([400_000, 3, 200_000, 0]);
      await Promise.all(sends);
    }));

  test('sendAsync sends what the object was at the call', () =>
    withPipe(duplex, async (reader, writer) => {
      const blocked = writer.sendBytesAsync(pattern(300_000));
      const object = { text: 'before' };
      const sending = writer.sendAsync(object);
      object.text = 'after';
      void writer.sendAsync('another one');
      await reader.recvBytesAsync();
      expect(await reader.recvAsync()).toEqual({ text: 'before' });
      expect(await reader.recvAsync()).toBe('another one');
      await Promise.all([blocked, sending]);
    }));

  test('blocking calls come after the asynchronous ones before them', () =>
    withPipe(duplex, async (reader, writer) => {
      const child = new Process({
        target: () => [1, 2, 3].map(() => reader.recvBytes().length),
      });
      const sending = writer.sendBytesAsync(pattern(300_000));
      child.start();
      writer.sendBytes(pattern(5));
      await sending;
      const sending2 = writer.sendBytesAsync(pattern(6));
      child.join(patience);
      await sending2;
      expect(child.exitcode).toBe(0);

      const early = reader.recvAsync();
      writer.send('first');
      writer.send('second');
      expect(reader.recv()).toBe('second');
      expect(await early).toBe('first');
    }));

  test('close() fails what is pending, and the loop is free to end', () =>
    withPipe(duplex, async (reader, writer) => {
      const failures = [rejectionOf(reader.recvAsync()), rejectionOf(reader.recvBytesAsync())];
      const sending = rejectionOf(writer.sendBytesAsync(pattern(1_000_000)));
      reader.recvAsync().catch(() => undefined);
      reader.close();
      writer.close();
      const closed = 'OSError: handle is closed';
      expect(await Promise.all([...failures, sending])).toEqual([closed, closed, closed]);
    }));

  test('EOF and a broken pipe', () =>
    withPipe(duplex, async (reader, writer) => {
      const pending = reader.recvAsync();
      writer.close();
      await expect(pending).rejects.toThrow(EOFError);
      await expect(reader.recvBytesAsync()).rejects.toThrow(EOFError);
      const [other, sender] = Pipe(duplex);
      const sending = sender.sendBytesAsync(pattern(1_000_000));
      other.close();
      await expect(sending).rejects.toMatchObject({ syscall: 'write' });
      await expect(sender.sendAsync(1)).rejects.toMatchObject({ code: 'EPIPE' });
      sender.close();
    }));

  test('async iteration ends with the last message', () =>
    withPipe(duplex, async (reader, writer) => {
      const child = new Process({
        target: () => {
          reader.close();
          for (let i = 0; i < 300; i++) writer.send({ i });
        },
      });
      child.start();
      writer.close();
      const seen = [];
      for await (const message of reader) seen.push((message as { i: number }).i);
      expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i));
      await child.joinAsync(patience);
    }));
});

test('a connection in constant use does not starve timers', () =>
  withPipe(true, async (a, b) => {
    const fired = jest.fn();
    setTimeout(fired, 1);
    for (let i = 0; i < 1_000_000 && fired.mock.calls.length === 0; i++) {
      await a.sendAsync(i);
      await b.recvAsync();
    }
    expect(fired).toHaveBeenCalled();
  }));

test('pollAsync', () =>
  withPipe(true, async (a, b) => {
    expect(await b.pollAsync()).toBe(false);
    expect(await b.pollAsync(0.02)).toBe(false);
    expect(await b.pollAsync(-1)).toBe(false);
    const polling = b.pollAsync(null);
    setTimeout(() => a.send(1), 10);
    expect(await turnsDuring(polling)).toBe(true);
    expect(await polling).toBe(true);
    expect(await Promise.all([b.pollAsync(5), b.pollAsync(5)])).toEqual([true, true]);
    b.recv();
    a.close();
    expect(await b.pollAsync(5)).toBe(true);
  }));

test('wrong uses reject; they do not throw', () =>
  withPipe(false, async (reader, writer) => {
    expect(await rejectionOf(reader.sendAsync(1))).toBe('OSError: connection is read-only');
    expect(await rejectionOf(writer.recvAsync())).toBe('OSError: connection is write-only');
    expect(await rejectionOf(writer.pollAsync())).toBe('OSError: connection is write-only');
    expect(await rejectionOf(reader.recvBytesAsync(-1))).toBe('ValueError: negative maxlength');
    const text = 'text' as any;
    expect(await rejectionOf(writer.sendBytesAsync(text))).toMatch(/^TypeError/);
    expect(await rejectionOf(writer.sendAsync(() => 1))).toMatch(/^PicklingError/);
  }));

test('maxlength: the connection cannot be read any more', () =>
  withPipe(true, async (a, b) => {
    a.sendBytes(Buffer.alloc(10));
    const failed = [rejectionOf(b.recvBytesAsync(9)), rejectionOf(b.recvAsync())];
    expect(await Promise.all(failed)).toEqual([
      'OSError: bad message length',
      'OSError: connection is write-only',
    ]);
    expect(b.closed).toBe(false);
    b.send('still writes');
    expect(await a.recvAsync()).toBe('still writes');
  }));

test('descriptors go along, also when their sender closes them before they are on the way', () =>
  withPipe(true, async (a, b) => {
    const sending = a.sendBytesAsync(pattern(1_000_000));
    const [reader, writer] = Pipe(false);
    const sending2 = a.sendAsync({ reader });
    reader.close();
    await b.recvBytesAsync();
    const { reader: copy } = await b.recvAsync<{ reader: Connection }>();
    await Promise.all([sending, sending2]);
    writer.send('through');
    expect(copy.recv()).toBe('through');
    copy.close();
    writer.close();
  }));

test('a frame that comes byte by byte', () =>
  withPipe(true, async (a, b) => {
    const bytes = Buffer.from([0, 0, 0, 5, ...Buffer.from('hello')]);
    const receiving = b.recvBytesAsync();
    for (const byte of bytes) {
      addon.writeAll(a.fileno(), Buffer.of(byte));
      await delay(1);
    }
    expect((await receiving).toString()).toBe('hello');
  }));

test('BufferTooShort is for the blocking call only', () =>
  withPipe(true, (a, b) => {
    a.sendBytes(Buffer.alloc(3));
    expect(() => b.recvBytesInto(Buffer.alloc(2))).toThrow(BufferTooShort);
  }));

describe('fork', () => {
  test('what the parent waits for is not waited for in the child', () =>
    withPipe(true, async (a, b) => {
      const seen: string[] = [];
      const mine = b.recvAsync<string>().then((text) => seen.push(text));
      const child = new Process({
        target: async () => {
          a.send('for the child');
          const text = await b.recvAsync();
          b.send([text, seen]);
          b.close();
        },
      });
      child.start();
      // Without a turn of this event loop, which would take the child's message.
      child.join(patience);
      expect(a.poll(0)).toBe(true);
      expect(a.recv()).toEqual(['for the child', []]);
      a.send('for the parent');
      await mine;
      expect(seen).toEqual(['for the parent']);
    }));

  test('a fork in the middle of a callback', () =>
    withPipe(true, async (a, b) => {
      const others = [b.pollAsync(patience), b.pollAsync(patience)];
      setTimeout(() => a.send('wake'), 5);
      await b.pollAsync(patience);
      const child = new Process({
        target: async () => {
          const text = await b.recvAsync();
          await delay(5);
          b.send(`${String(text)} in the child`);
        },
      });
      child.start();
      expect(await a.recvAsync()).toBe('wake in the child');
      await Promise.all(others);
      await child.joinAsync(patience);
      expect(child.exitcode).toBe(0);
    }));

  test('a child has no copy of the event queue', () =>
    withPipe(true, async (a, b) => {
      const waiting = b.recvAsync();
      expect(inChild(() => watchedDescriptors().includes(b.fileno()))).toBe(false);
      expect(watchedDescriptors()).toContain(b.fileno());
      a.send(1);
      await waiting;
    }));

  test('posix.fork: both go on waiting, each on its own', async () => {
    const { stdout, code } = await runSource(
      `const { Pipe, posix } = require('multiproc');
       const [a, b] = Pipe();
       const polling = b.pollAsync(10);
       const pid = posix.fork();
       if (pid === 0) a.send('for both');
       polling.then((ready) => {
         if (pid === 0) posix.exit(ready ? 7 : 8);
         console.log(ready, posix.WEXITSTATUS(posix.waitpid(pid)[1]));
       });`,
    );
    expect([stdout, code]).toEqual(['true 7\n', 0]);
  });

  test('an inherited connection with something pending can be used and closed', () =>
    withPipe(true, async (a, b) => {
      const pending = [b.recvAsync(), a.sendBytesAsync(pattern(10))];
      const result = inChild(() => {
        b.send('ok');
        a.close();
        b.close();
        return posix.getpid() !== posix.getppid();
      });
      expect(result).toBe(true);
      await expect(pending[0]).rejects.toBeDefined();
      await pending[1];
      expect(a.recv()).toBe('ok');
    }));
});

/** The descriptors in the event queues of this process. */
function watchedDescriptors(): number[] {
  return readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    try {
      const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
      return [...info.matchAll(/^tfd:\s+(\d+)/gm)].map((match) => Number(match[1]));
    } catch {
      return [];
    }
  });
}

test('in a worker thread', async () => {
  const { stdout } = await runSource(
    `const { Worker } = require('node:worker_threads');
     new Worker(
       \`const { Pipe } = require('multiproc');
       const [a, b] = Pipe();
       b.recvAsync().then((text) => {
         console.log(text);
         void b.recvAsync().catch(() => {});
         process.exit(0);
       });
       setTimeout(() => a.send('in a worker'), 5);\`,
       { eval: true },
     ).on('exit', (code) => console.log(code));`,
  );
  expect(stdout).toBe('in a worker\n0\n');
});

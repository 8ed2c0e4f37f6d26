/** wait() and waitAsync(). */

import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { Connection, Pipe, Process, wait, waitAsync } from 'multiproc';

import { errorOf, expectNoChildren, forever, patience, rejectionOf } from './lib/child';
import { openDescriptors, withPipe } from './lib/pipe';

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => {
  expectNoChildren();
  expect(openDescriptors().filter((fd) => !before.includes(fd))).toEqual([]);
});

/** Both ways of waiting. */
const ways = [
  ['wait', (list: any[], timeout?: number | null) => Promise.resolve(wait(list, timeout))],
  ['waitAsync', (list: any[], timeout?: number | null) => waitAsync(list, timeout)],
] as const;

describe.each(ways)('%s', (_name, waitFor) => {
  test('C214: four readers; the end makes one ready; all messages arrive', async () => {
    const readers: Connection[] = [];
    const children: Process[] = [];
    for (let i = 0; i < 4; i++) {
      const [reader, writer] = Pipe(false);
      const child = new Process({
        target: () => {
          for (let k = 0; k < 10; k++) writer.send([k, i]);
        },
      });
      child.start();
      writer.close();
      readers.push(reader);
      children.push(child);
    }
    const messages: unknown[] = [];
    let open = [...readers];
    while (open.length > 0) {
      for (const ready of await waitFor(open, patience)) {
        try {
          messages.push((ready as Connection).recv());
        } catch {
          open = open.filter((each) => each !== ready);
          ready.close();
        }
      }
    }
    const expected = [0, 1, 2, 3].flatMap((i) => Array.from({ length: 10 }, (_, k) => [k, i]));
    expect(messages.map(String).sort()).toEqual(expected.map(String).sort());
    for (const child of children) child.join(patience);
  });

  test("C215: sockets of Node's", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const accepted = new Promise<Socket>((resolve) =>
      server.once('connection', (socket) => {
        // It must not read by itself.
        socket.pause();
        resolve(socket);
      }),
    );
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const socket = await accepted;
    if (client.connecting) await once(client, 'connect');
    expect(await waitFor([socket], 0)).toEqual([]);
    client.write('hello');
    const ready = await waitFor([socket], patience);
    expect(ready[0]).toBe(socket);
    socket.destroy();
    expect(errorOf(() => wait([socket], 0))).toMatch(/^ValueError/);
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test('C217: sentinels among connections; all that are ready, in the order of the list', () =>
    withPipe(true, async (a, b) => {
      const child = new Process({ target: forever });
      child.start();
      const { sentinel } = child;
      expect(await waitFor([a, sentinel, b], 0.05)).toEqual([]);
      child.terminate();
      expect(await waitFor([a, sentinel, b], patience)).toEqual([sentinel]);
      a.send(1);
      expect(await waitFor([a, sentinel, b], patience)).toEqual([sentinel, b]);
      b.send(1);
      expect(await waitFor([b, a, sentinel], patience)).toEqual([b, a, sentinel]);
      child.join(patience);
    }));

  test('C218: a negative timeout is none', () =>
    withPipe(true, async (a, b) => {
      expect(await waitFor([a, b], -1)).toEqual([]);
      a.send(1);
      expect(await waitFor([a, b], -1)).toEqual([b]);
    }));

  test('no objects: none, after the time', async () => {
    const start = process.hrtime.bigint();
    expect(await waitFor([], 0.05)).toEqual([]);
    expect(Number(process.hrtime.bigint() - start) / 1e6).toBeGreaterThan(45);
  });

  test('a plain file is always ready', () =>
    withPipe(false, async (reader) => {
      const fd = openSync(__filename, 'r');
      expect(await waitFor([reader, fd], patience)).toEqual([fd]);
      closeSync(fd);
    }));

  test('what cannot be waited for', () =>
    withPipe(true, async (a, b) => {
      const failure = (list: any[]): Promise<string | undefined> =>
        rejectionOf(Promise.resolve().then(() => waitFor(list, 0)));
      expect(await failure([a, b, a])).toBe(`ValueError: descriptor ${a.fileno()} is there twice`);
      expect(await failure([a, 'text'])).toMatch(/^ValueError: Expected a descriptor.*'text'/);
      expect(await failure([{}])).toMatch(/^ValueError/);
      expect(await failure([-1])).toBe('ValueError: Invalid file descriptor: -1');
      expect(await failure([1.5])).toMatch(/^ValueError/);
      expect(await failure([44977608])).toBe('OSError: [Errno 9] Bad file descriptor');
      a.close();
      expect(await failure([a])).toBe('OSError: handle is closed');
    }));
});

test('waitAsync leaves nothing watched behind', () =>
  withPipe(true, async (a, b) => {
    const late = waitAsync([a, b], 20);
    const again = waitAsync([a, b], 20);
    a.send(1);
    expect(await late).toEqual([b]);
    expect(await again).toEqual([b]);
    b.recv();
    expect(await waitAsync([a, b], 0.01)).toEqual([]);
  }));

test('a descriptor closed while it is watched, with the file open elsewhere', () =>
  withPipe(true, async (a, b) => {
    const child = new Process({ target: forever });
    child.start();
    const fd = b.fileno();
    const lost = waitAsync([fd], 0.2);
    b.close();
    a.send(1);
    // Another open file may have that number by now.
    await Promise.allSettled([lost]);
    // The loop goes on, and watches others.
    const [c, d] = Pipe();
    const waiting = waitAsync([c], patience);
    d.send(1);
    expect(await waiting).toEqual([c]);
    c.close();
    d.close();
    child.kill();
    child.join(patience);
  }));

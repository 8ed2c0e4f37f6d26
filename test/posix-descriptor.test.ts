/** Pipes, socket pairs, copies of descriptors, reading, writing, polling. */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BlockingIOError, BrokenPipeError, posix, Process } from 'multiproc';

import { errorOf, expectNoChildren, patience } from './lib/child';
import { interrupt, node } from './lib/signals';

const { O_CLOEXEC, O_NONBLOCK, POLLIN, POLLOUT, POLLHUP, POLLERR, POLLNVAL } = posix;
const { F_GETFD, F_SETFD, F_GETFL, F_SETFL, FD_CLOEXEC, F_DUPFD_CLOEXEC } = posix;

const onLinux = process.platform === 'linux' ? test : test.skip;

let open: Set<number>;

beforeEach(() => {
  open = new Set();
});
afterEach(() => {
  for (const fd of open) posix.close(fd);
  expectNoChildren();
});

/** Descriptors to be closed after the test. */
function kept<Fds extends readonly number[]>(fds: Fds): Fds {
  for (const fd of fds) open.add(fd);
  return fds;
}

function closed(fd: number): void {
  posix.close(fd);
  open.delete(fd);
}

/** A number that is no open descriptor. */
function unused(): number {
  const [fd, other] = posix.pipe();
  posix.close(fd);
  posix.close(other);
  return fd;
}

function started(target: () => unknown): Process {
  const child = new Process({ target });
  child.start();
  return child;
}

function caught(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

const isCloexec = (fd: number): boolean => posix.fcntl(fd, F_GETFD) === FD_CLOEXEC;
const isNonblocking = (fd: number): boolean => (posix.fcntl(fd, F_GETFL) & O_NONBLOCK) !== 0;

/** Writes until there is no room. */
function fill(fd: number): unknown {
  return caught(() => {
    for (;;) posix.write(fd, Buffer.alloc(4096));
  });
}

describe('pipe', () => {
  test('carries bytes to the parent, then its end', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const child = started(() => posix.write(writeEnd, 'grüße'));
    closed(writeEnd);
    expect(posix.read(readEnd, 100)).toEqual(Buffer.from('grüße'));
    expect(posix.read(readEnd, 100)).toEqual(Buffer.alloc(0));
    expect(posix.read(readEnd, new Uint8Array(4))).toBe(0);
    child.join(patience);
    expect(child.exitcode).toBe(0);
  });

  test('is close-on-exec, unless other flags are given', () => {
    const ends = kept(posix.pipe());
    expect([ends.map(isCloexec), ends.map(isNonblocking)]).toEqual([
      [true, true],
      [false, false],
    ]);
    const inherited = kept(posix.pipe(O_NONBLOCK));
    expect([inherited.map(isCloexec), inherited.map(isNonblocking)]).toEqual([
      [false, false],
      [true, true],
    ]);
  });

  onLinux('O_DIRECT: each write is one packet', () => {
    const [readEnd, writeEnd] = kept(posix.pipe(O_CLOEXEC | posix.O_DIRECT));
    posix.write(writeEnd, 'one');
    posix.write(writeEnd, 'two');
    expect(posix.read(readEnd, 100).toString()).toBe('one');
  });

  test('bad flags', () => {
    expect(caught(() => posix.pipe(1))).toMatchObject({ code: 'EINVAL', syscall: 'pipe2' });
    expect(errorOf(() => posix.pipe('1' as any))).toBe(
      "TypeError: Expected an integer for flags but received '1' of type string",
    );
  });

  test('EMFILE when there are too many', () => {
    const child = started(() => {
      const error = caught(() => {
        for (;;) posix.pipe();
      });
      posix.exit((error as { code?: string }).code === 'EMFILE' ? 7 : 1);
    });
    child.join(patience);
    expect(child.exitcode).toBe(7);
  });
});

describe('socketpair', () => {
  test('each end hears the other', () => {
    const [mine, theirs] = kept(posix.socketpair());
    const child = started(() => posix.write(theirs, posix.read(theirs, 10).reverse()));
    expect(posix.write(mine, 'abc')).toBe(3);
    expect(posix.read(mine, 10).toString()).toBe('cba');
    child.join(patience);
    expect([mine, theirs].map(isCloexec)).toEqual([true, true]);
  });

  test('datagrams keep their borders', () => {
    const [one, other] = kept(posix.socketpair(posix.AF_UNIX, posix.SOCK_DGRAM));
    posix.write(one, 'first');
    posix.write(one, 'second');
    expect(posix.read(other, 100).toString()).toBe('first');
    expect(posix.read(other, 100).toString()).toBe('second');
  });

  test('bad input', () => {
    const { AF_UNIX, SOCK_STREAM } = posix;
    expect(caught(() => posix.socketpair(12345))).toMatchObject({ code: 'EAFNOSUPPORT' });
    expect(caught(() => posix.socketpair(AF_UNIX, 12))).toMatchObject({ syscall: 'socketpair' });
    expect(caught(() => posix.socketpair(AF_UNIX, SOCK_STREAM, 77))).toMatchObject({
      code: 'EPROTONOSUPPORT',
    });
    expect(errorOf(() => posix.socketpair(AF_UNIX, 'stream' as any))).toBe(
      "TypeError: Expected an integer for type but received 'stream' of type string",
    );
    expect(errorOf(() => posix.socketpair(AF_UNIX, SOCK_STREAM, 2 ** 31))).toBe(
      'OverflowError: protocol does not fit into an int: 2147483648',
    );
  });
});

describe('read and write', () => {
  test('fill any Uint8Array, and no more of it than there is', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const targets = [new Uint8Array(4), Buffer.alloc(4), new Uint8Array(new SharedArrayBuffer(4))];
    for (const target of targets) {
      posix.write(writeEnd, 'ab');
      expect([posix.read(readEnd, target), ...target]).toEqual([2, 97, 98, 0, 0]);
    }
    posix.write(writeEnd, 'xyz');
    const whole = new Uint8Array(6);
    expect(posix.read(readEnd, whole.subarray(3, 5))).toBe(2);
    expect([...whole]).toEqual([0, 0, 0, 120, 121, 0]);
    expect(posix.read(readEnd, 0)).toHaveLength(0);
  });

  test('every kind of view is written as its bytes', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const { buffer } = Uint8Array.of(9, 1, 2, 3, 4, 9, 9, 9);
    for (const view of [new DataView(buffer, 1, 4), new Uint8Array(buffer, 1, 4)]) {
      expect(posix.write(writeEnd, view)).toBe(4);
      expect([...posix.read(readEnd, 100)]).toEqual([1, 2, 3, 4]);
    }
    expect(posix.write(writeEnd, new Float64Array(2))).toBe(16);
    expect(posix.write(writeEnd, '')).toBe(0);
  });

  test('O_NONBLOCK: BlockingIOError instead of a wait', () => {
    const [readEnd, writeEnd] = kept(posix.pipe(O_CLOEXEC | O_NONBLOCK));
    const again = { code: 'EAGAIN', message: '[Errno 11] Resource temporarily unavailable' };
    const empty = caught(() => posix.read(readEnd, 1));
    expect(empty).toBeInstanceOf(BlockingIOError);
    expect(empty).toMatchObject({ ...again, syscall: 'read' });
    const full = fill(writeEnd);
    expect(full).toBeInstanceOf(BlockingIOError);
    expect(full).toMatchObject({ ...again, syscall: 'write' });
  });

  test('writing waits for room', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const size = 1 << 20;
    const child = started(() => {
      if (posix.write(writeEnd, Buffer.alloc(size, 7)) !== size) posix.exit(1);
    });
    closed(writeEnd);
    let sum = 0;
    for (let part; (part = posix.read(readEnd, 65536)).length > 0;) {
      for (const byte of part) sum += byte;
    }
    expect(sum).toBe(7 * size);
    child.join(patience);
    expect(child.exitcode).toBe(0);
  });

  test('EPIPE when nobody can read', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    closed(readEnd);
    expect(caught(() => posix.write(writeEnd, 'x'))).toBeInstanceOf(BrokenPipeError);
  });

  test('bad input', () => {
    const fd = unused();
    for (const bad of [fd, -1]) {
      expect(caught(() => posix.read(bad, 1))).toMatchObject({ code: 'EBADF', syscall: 'read' });
      expect(caught(() => posix.write(bad, 'x'))).toMatchObject({ code: 'EBADF' });
    }
    for (const call of [() => posix.read(2 ** 32, 1), () => posix.write(2 ** 32, 'x')]) {
      expect(errorOf(call)).toBe('OverflowError: fd does not fit into an int: 4294967296');
    }
    expect(errorOf(() => posix.read(fd, '5' as any))).toBe(
      "TypeError: Expected a Uint8Array or a number of bytes for target but received '5' of type string",
    );
    expect(errorOf(() => posix.read(fd, new Uint16Array(2) as any))).toMatch(/^TypeError: /);
    expect(errorOf(() => posix.read(fd, -1))).toBe('ValueError: target must not be negative: -1');
    expect(errorOf(() => posix.read(fd, 1.5))).toMatch(/^TypeError: Expected an integer/);
    expect(errorOf(() => posix.write(fd, 5 as any))).toBe(
      'TypeError: Expected a string or bytes for data but received 5 of type number',
    );
  });
});

describe('poll', () => {
  test('returns those that are ready, with what they are ready for', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const requests = [
      { fd: readEnd, events: POLLIN },
      { fd: -1, events: POLLIN },
      { fd: writeEnd, events: POLLOUT | POLLIN },
    ];
    expect(posix.poll(requests)).toEqual([{ fd: writeEnd, revents: POLLOUT }]);
    posix.write(writeEnd, 'x');
    expect(posix.poll(requests, 0)).toEqual([
      { fd: readEnd, revents: POLLIN },
      { fd: writeEnd, revents: POLLOUT },
    ]);
  });

  test('reports what nobody asked for', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const [otherReadEnd, otherWriteEnd] = kept(posix.pipe());
    closed(writeEnd);
    closed(otherReadEnd);
    const fds = [readEnd, otherWriteEnd, unused()];
    const ready = posix.poll(fds.map((fd) => ({ fd, events: 0 })));
    expect(ready.map(({ revents }) => revents)).toEqual([POLLHUP, POLLERR, POLLNVAL]);
  });

  test('nothing after the timeout', () => {
    const [fd] = kept(posix.pipe());
    const begin = performance.now();
    expect(posix.poll([{ fd, events: POLLIN }], 0.05)).toEqual([]);
    expect(performance.now() - begin).toBeGreaterThan(45);
    expect(posix.poll([{ fd, events: POLLIN }], -1)).toEqual([]);
    expect(posix.poll([], 0)).toEqual([]);
  });

  onLinux('goes on waiting after a signal', async () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const [ready, setReady] = kept(posix.pipe());
    const child = started(() => {
      node.on('SIGUSR2', () => {});
      posix.write(setReady, 'x');
      const [found] = posix.poll([{ fd: readEnd, events: POLLIN }], patience);
      posix.exit(found?.revents === POLLIN ? 7 : 1);
    });
    posix.read(ready, 1);
    await interrupt(child, 'SIGUSR2', 3);
    posix.write(writeEnd, 'x');
    child.join(patience);
    expect(child.exitcode).toBe(7);
  });

  test('bad input', () => {
    const poll = posix.poll as (...args: unknown[]) => unknown;
    expect(errorOf(() => poll({ fd: 0, events: 1 }))).toBe(
      'TypeError: Expected an array for requests but received [object Object] of type object',
    );
    expect(errorOf(() => poll([null]))).toBe(
      'TypeError: Expected an object { fd, events } for requests[0] but received null of type object',
    );
    expect(errorOf(() => poll([{ fd: 0, events: 1 }, { fd: 0 }]))).toBe(
      'TypeError: Expected an integer for requests[1].events but received undefined of type undefined',
    );
    expect(errorOf(() => poll([{ fd: 0, events: -1 }]))).toBe(
      'ValueError: unknown bits in requests[0].events',
    );
    expect(errorOf(() => poll([{ fd: '0', events: 1 }]))).toMatch(/integer for requests\[0\]\.fd/);
    expect(errorOf(() => poll([], 'long'))).toBe(
      "TypeError: Expected a number of seconds or null for timeout but received 'long' of type string",
    );
  });
});

describe('dup, dup2, close', () => {
  test('a copy works after the original is closed, and is close-on-exec', () => {
    const [readEnd, writeEnd] = kept(posix.pipe(0));
    const [copy] = kept([posix.dup(writeEnd)]);
    closed(writeEnd);
    posix.write(copy, 'x');
    expect(posix.read(readEnd, 10).toString()).toBe('x');
    expect([readEnd, copy].map(isCloexec)).toEqual([false, true]);
  });

  test('dup2 redirects the standard output of a child', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const child = started(() => {
      if (posix.dup2(writeEnd, 1) !== 1) posix.exit(1);
      posix.write(1, 'to the pipe');
    });
    closed(writeEnd);
    expect(posix.read(readEnd, 100).toString()).toBe('to the pipe');
    child.join(patience);
    expect(child.exitcode).toBe(0);
  });

  test('dup2 closes what was there, and takes cloexec', () => {
    const [readEnd, writeEnd] = kept(posix.pipe());
    const [target, last] = kept(posix.pipe());
    expect(posix.dup2(readEnd, target)).toBe(target);
    expect(isCloexec(target)).toBe(false);
    expect(caught(() => posix.write(last, 'x'))).toBeInstanceOf(BrokenPipeError);
    posix.write(writeEnd, 'x');
    expect(posix.read(target, 10).toString()).toBe('x');
    posix.dup2(readEnd, target, true);
    expect(isCloexec(target)).toBe(true);
    expect(posix.dup2(readEnd, readEnd)).toBe(readEnd);
  });

  test('bad input', () => {
    const [fd] = kept(posix.pipe());
    const bad = unused();
    expect(caught(() => posix.close(bad))).toMatchObject({ code: 'EBADF', syscall: 'close' });
    expect(caught(() => posix.close(-1))).toMatchObject({ code: 'EBADF' });
    expect(caught(() => posix.dup(bad))).toMatchObject({ code: 'EBADF', syscall: 'dup' });
    expect(caught(() => posix.dup2(bad, fd))).toMatchObject({ code: 'EBADF', syscall: 'dup2' });
    expect(caught(() => posix.dup2(fd, -1))).toMatchObject({ code: 'EBADF' });
    expect(caught(() => posix.dup2(fd, -1, true))).toMatchObject({ code: 'EBADF' });
    expect(errorOf(() => posix.close({} as any))).toMatch(/^TypeError: Expected an integer for fd/);
    expect(errorOf(() => posix.close(2 ** 32))).toMatch(/^OverflowError: fd /);
    expect(errorOf(() => posix.dup(null as any))).toMatch(/^TypeError: Expected an integer for fd/);
    expect(errorOf(() => posix.dup2('1' as any, 1))).toMatch(/^TypeError: .* for from /);
    expect(errorOf(() => posix.dup2(fd, 0.5))).toMatch(/^TypeError: .* for to /);
    expect(errorOf(() => posix.dup2(fd, fd, 1 as any))).toBe(
      'TypeError: Expected a boolean for cloexec but received 1 of type number',
    );
  });
});

describe('fcntl', () => {
  test('flags of the descriptor and of what it shows', () => {
    const [readEnd] = kept(posix.pipe());
    expect(posix.fcntl(readEnd, F_SETFD, 0)).toBe(0);
    expect(isCloexec(readEnd)).toBe(false);
    posix.fcntl(readEnd, F_SETFL, O_NONBLOCK);
    const [copy] = kept([posix.fcntl(readEnd, F_DUPFD_CLOEXEC, 100)]);
    expect(copy).toBeGreaterThanOrEqual(100);
    expect([isCloexec(copy), isNonblocking(copy)]).toEqual([true, true]);
  });

  onLinux('the size of a pipe', () => {
    const [readEnd, writeEnd] = kept(posix.pipe(O_CLOEXEC | O_NONBLOCK));
    const size = posix.fcntl(writeEnd, posix.F_SETPIPE_SZ, 1);
    expect(posix.fcntl(readEnd, posix.F_GETPIPE_SZ)).toBe(size);
    fill(writeEnd);
    expect(posix.read(readEnd, 2 * size)).toHaveLength(size);
    expect(caught(() => posix.fcntl(writeEnd, posix.F_SETPIPE_SZ, -1))).toMatchObject({
      code: 'EINVAL',
      syscall: 'fcntl',
    });
  });

  test('bad input, and no command that takes a pointer', () => {
    const F_GETLK = 5;
    expect(errorOf(() => posix.fcntl(0, F_GETLK, 0))).toBe(
      'ValueError: command 5 is none of F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_SETPIPE_SZ',
    );
    expect(errorOf(() => posix.fcntl(0, undefined as any))).toMatch(/integer for command/);
    expect(errorOf(() => posix.fcntl('0' as any, F_GETFD))).toMatch(/integer for fd/);
    expect(errorOf(() => posix.fcntl(0, F_SETFD, '1' as any))).toMatch(/integer for argument/);
    expect(caught(() => posix.fcntl(unused(), F_GETFD))).toMatchObject({ code: 'EBADF' });
    expect(caught(() => posix.fcntl(0, F_DUPFD_CLOEXEC, -1))).toMatchObject({ code: 'EINVAL' });
  });
});

test('ftruncate sets a size; bad input', () => {
  const directory = mkdtempSync(join(tmpdir(), 'multiproc-'));
  const path = join(directory, 'file');
  const fd = openSync(path, 'w+');
  try {
    posix.write(fd, 'abcdef');
    posix.ftruncate(fd, 3);
    expect(readFileSync(path, 'utf8')).toBe('abc');
    posix.ftruncate(fd, 5);
    expect(readFileSync(path, 'utf8')).toBe('abc\0\0');
    expect(caught(() => posix.ftruncate(fd, Number.MAX_SAFE_INTEGER))).toMatchObject({
      code: 'EFBIG',
      syscall: 'ftruncate',
    });
    expect(errorOf(() => posix.ftruncate(fd, -1))).toBe(
      'ValueError: size must not be negative: -1',
    );
    expect(errorOf(() => posix.ftruncate(fd, 2 ** 60))).toMatch(/^OverflowError: size /);
    expect(errorOf(() => posix.ftruncate(fd, '5' as any))).toMatch(/^TypeError: .* for size /);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
  expect(caught(() => posix.ftruncate(unused(), 1))).toMatchObject({ code: 'EBADF' });
});

/** POSIX message queues. */

import { randomBytes } from 'node:crypto';

import {
  BlockingIOError,
  FileExistsError,
  FileNotFoundError,
  NotImplementedError,
  posix,
  Process,
} from 'multiproc';

import { errorOf, expectNoChildren, patience } from './lib/child';

const { O_CREAT, O_EXCL, O_RDWR, O_RDONLY, O_WRONLY, O_NONBLOCK, MQ_PRIO_MAX } = posix;

const prefix = `/multiproc-test-${randomBytes(4).toString('hex')}`;
let names: string[] = [];
let open: number[] = [];

function newName(): string {
  const name = `${prefix}-${names.length}`;
  names.push(name);
  return name;
}

/** An empty queue; both it and its name are gone after the test. */
function made({ flags = 0, maxmsg = 2, msgsize = 16 } = {}): number {
  return kept(
    posix.mqOpen(newName(), O_CREAT | O_EXCL | O_RDWR | flags, 0o600, { maxmsg, msgsize }),
  );
}

function kept(queue: number): number {
  open.push(queue);
  return queue;
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

afterEach(() => {
  for (const queue of open) posix.mqClose(queue);
  // Nothing stays: after this test, the names are free.
  for (const name of names) caught(() => posix.mqUnlink(name));
  for (const name of names)
    expect(caught(() => posix.mqOpen(name, O_RDONLY))).toMatchObject({ code: 'ENOENT' });
  open = [];
  names = [];
  expectNoChildren();
});

/** Why there is nothing to test, if so. */
function missing(): string | undefined {
  try {
    posix.mqUnlink(prefix);
  } catch (error) {
    if (error instanceof NotImplementedError) return error.message;
    if ((error as { code?: string }).code === 'ENOSYS') return 'the kernel has no message queues';
  }
  return undefined;
}

const reason = missing();
if (reason !== undefined) {
  console.warn(`message queues are not tested: ${reason}`);
}
const suite = reason === undefined ? describe : describe.skip;

suite('message queues', () => {
  test('carry messages to a child that opens the name, and back', () => {
    const [requests, answers] = [newName(), newName()];
    const create = O_CREAT | O_EXCL | O_RDWR;
    const toChild = kept(posix.mqOpen(requests, create));
    const toParent = kept(posix.mqOpen(answers, create));
    const child = started(() => {
      const [message, priority] = posix.mqReceive(posix.mqOpen(requests, O_RDONLY));
      posix.mqSend(posix.mqOpen(answers, O_WRONLY), message.reverse(), priority + 1);
    });
    posix.mqSend(toChild, 'abc', 4);
    expect(posix.mqReceive(toParent)).toEqual([Buffer.from('cba'), 5]);
    child.join(patience);
    expect(child.exitcode).toBe(0);
  });

  test('highest priority first, in order within one', () => {
    const queue = made({ maxmsg: 4 });
    posix.mqSend(queue, 'low');
    posix.mqSend(queue, Buffer.from('high 1'), MQ_PRIO_MAX - 1);
    posix.mqSend(queue, new Uint8Array(0), 1);
    posix.mqSend(queue, 'high 2', MQ_PRIO_MAX - 1);
    const received = Array.from({ length: 4 }, () => posix.mqReceive(queue));
    expect(received.map(([message, priority]) => [message.toString(), priority])).toEqual([
      ['high 1', MQ_PRIO_MAX - 1],
      ['high 2', MQ_PRIO_MAX - 1],
      ['', 1],
      ['low', 0],
    ]);
  });

  test('a full queue makes the sender wait, with and without a timeout', () => {
    for (const timeout of [null, patience, Infinity]) {
      const queue = made({ maxmsg: 1 });
      posix.mqSend(queue, '0');
      const child = started(() => {
        for (const text of ['1', '2']) posix.mqSend(queue, text, 0, timeout);
      });
      const texts = ['0', '1', '2'].map(() => posix.mqReceive(queue, patience)[0].toString());
      expect(texts).toEqual(['0', '1', '2']);
      child.join(patience);
      expect(child.exitcode).toBe(0);
    }
  });

  test('ETIMEDOUT after the time', () => {
    const queue = made({ maxmsg: 1 });
    const timedOut = {
      name: 'OSError',
      code: 'ETIMEDOUT',
      message: '[Errno 110] Connection timed out',
    };
    const begin = performance.now();
    expect(caught(() => posix.mqReceive(queue, 0.05))).toMatchObject({
      ...timedOut,
      syscall: 'mq_receive',
    });
    posix.mqSend(queue, 'x', 0, 0);
    expect(caught(() => posix.mqSend(queue, 'x', 0, 0.05))).toMatchObject({
      ...timedOut,
      syscall: 'mq_send',
    });
    expect(performance.now() - begin).toBeGreaterThan(90);
    expect(caught(() => posix.mqSend(queue, 'x', 0, -1))).toMatchObject(timedOut);
    expect(posix.mqReceive(queue, 0)).toEqual([Buffer.from('x'), 0]);
    expect(caught(() => posix.mqReceive(queue, 0))).toMatchObject(timedOut);
  });

  test('O_NONBLOCK: BlockingIOError, whatever the timeout', () => {
    const queue = made({ flags: O_NONBLOCK, maxmsg: 1 });
    for (const timeout of [null, patience]) {
      expect(caught(() => posix.mqReceive(queue, timeout))).toBeInstanceOf(BlockingIOError);
    }
    posix.mqSend(queue, 'x');
    for (const timeout of [null, patience]) {
      expect(caught(() => posix.mqSend(queue, 'x', 0, timeout))).toBeInstanceOf(BlockingIOError);
    }
  });

  test('attributes', () => {
    const queue = made({ maxmsg: 3, msgsize: 32 });
    posix.mqSend(queue, 'x');
    const attributes = { nonblock: false, maxmsg: 3, msgsize: 32, curmsgs: 1 };
    expect(posix.mqGetattr(queue)).toEqual(attributes);
    expect(posix.mqSetattr(queue, true)).toEqual(attributes);
    expect(posix.mqSetattr(queue, false)).toEqual({ ...attributes, nonblock: true });
    expect(posix.mqGetattr(queue)).toEqual(attributes);
  });

  test('a queue is a descriptor: close-on-exec, and poll() knows it', () => {
    const queue = made({ maxmsg: 1 });
    expect(posix.fcntl(queue, posix.F_GETFD)).toBe(posix.FD_CLOEXEC);
    const request = [{ fd: queue, events: posix.POLLIN | posix.POLLOUT }];
    expect(posix.poll(request, 0)).toEqual([{ fd: queue, revents: posix.POLLOUT }]);
    posix.mqSend(queue, 'x');
    expect(posix.poll(request, 0)).toEqual([{ fd: queue, revents: posix.POLLIN }]);
  });

  test('mqUnlink: who has it open keeps it', () => {
    const queue = made();
    posix.mqUnlink(names[0]!);
    posix.mqSend(queue, 'x');
    expect(posix.mqReceive(queue)[0].toString()).toBe('x');
    expect(caught(() => posix.mqUnlink(names[0]!))).toBeInstanceOf(FileNotFoundError);
  });

  test('ENOENT, EEXIST, and names that the system refuses', () => {
    made();
    const again = caught(() => posix.mqOpen(names[0]!, O_CREAT | O_EXCL | O_RDWR));
    expect(again).toBeInstanceOf(FileExistsError);
    expect(again).toMatchObject({ syscall: 'mq_open', path: names[0] });
    expect(caught(() => posix.mqOpen(newName(), O_RDWR))).toBeInstanceOf(FileNotFoundError);
    const refused = {
      'no-slash': 'EINVAL',
      [`${prefix}/x`]: 'EACCES',
      [`/${'x'.repeat(256)}`]: 'ENAMETOOLONG',
    };
    for (const [name, code] of Object.entries(refused)) {
      expect(caught(() => posix.mqOpen(name, O_CREAT | O_RDWR))).toMatchObject({ code });
      expect(caught(() => posix.mqUnlink(name))).toMatchObject({ code, syscall: 'mq_unlink' });
    }
  });

  test('limits that the system refuses', () => {
    const refuse = { maxmsg: 1, msgsize: 1 };
    for (const size of [
      { ...refuse, maxmsg: 0 },
      { ...refuse, msgsize: 0 },
      { ...refuse, msgsize: 2 ** 52 },
    ]) {
      expect(caught(() => made(size))).toMatchObject({ code: 'EINVAL', syscall: 'mq_open' });
    }
    const queue = made({ msgsize: 4 });
    expect(caught(() => posix.mqSend(queue, '12345'))).toMatchObject({ code: 'EMSGSIZE' });
    expect(caught(() => posix.mqSend(queue, '1', MQ_PRIO_MAX))).toMatchObject({ code: 'EINVAL' });
    posix.mqSend(queue, '1234', MQ_PRIO_MAX - 1);
    expect(posix.mqReceive(queue)).toEqual([Buffer.from('1234'), MQ_PRIO_MAX - 1]);
  });

  test('a closed queue, a descriptor of something else: EBADF', () => {
    const closed = posix.mqOpen(newName(), O_CREAT | O_RDWR);
    posix.mqClose(closed);
    const [readEnd, writeEnd] = posix.pipe();
    // The pipe has taken the number of the queue.
    for (const fd of [readEnd, writeEnd, -1]) {
      for (const timeout of [null, patience]) {
        expect(caught(() => posix.mqSend(fd, 'x', 0, timeout))).toMatchObject({ code: 'EBADF' });
        expect(caught(() => posix.mqReceive(fd, timeout))).toMatchObject({ code: 'EBADF' });
      }
      expect(caught(() => posix.mqGetattr(fd))).toMatchObject({ code: 'EBADF' });
      expect(caught(() => posix.mqSetattr(fd, true))).toMatchObject({ code: 'EBADF' });
    }
    posix.close(readEnd);
    posix.close(writeEnd);
    expect(caught(() => posix.mqClose(readEnd))).toMatchObject({ code: 'EBADF' });
    const writeOnly = kept(posix.mqOpen(names[0]!, O_WRONLY));
    expect(caught(() => posix.mqReceive(writeOnly, 0))).toMatchObject({ code: 'EBADF' });
  });

  test('bad input of mqOpen and mqUnlink', () => {
    const name = newName();
    const mqOpen = posix.mqOpen as (...args: unknown[]) => unknown;
    for (const call of [mqOpen, posix.mqUnlink as typeof mqOpen]) {
      expect(errorOf(() => call(`${name}\0`))).toBe('ValueError: embedded null character in name');
      expect(errorOf(() => call(null))).toMatch(/^TypeError: Expected a string for name /);
    }
    expect(errorOf(() => mqOpen(name))).toMatch(/^TypeError: Expected an integer for flags /);
    expect(errorOf(() => mqOpen(name, O_CREAT, 'rw'))).toMatch(/^TypeError: .* for mode /);
    expect(errorOf(() => mqOpen(name, O_CREAT, -1))).toMatch(/^ValueError: mode must not be neg/);
    const withSize = (size: unknown): string | undefined =>
      errorOf(() => mqOpen(name, O_CREAT, 0o600, size));
    expect(withSize(10)).toBe(
      'TypeError: Expected an object { maxmsg, msgsize } for size but received 10 of type number',
    );
    expect(withSize({ maxmsg: 1 })).toMatch(/^TypeError: Expected an integer for msgsize /);
    expect(withSize({ maxmsg: -1, msgsize: 1 })).toMatch(/^ValueError: maxmsg must not be neg/);
    expect(withSize({ maxmsg: 2 ** 60, msgsize: 1 })).toMatch(/^OverflowError: maxmsg is too /);
    expect(withSize({ maxmsg: 1, msgsize: 1, size: 1 })).toBe(
      "TypeError: mqOpen() got an unexpected option 'size': it takes maxmsg, msgsize",
    );
  });

  test('bad input of the others', () => {
    const queue = made();
    const { mqClose, mqGetattr, mqReceive, mqSend, mqSetattr } = posix as any;
    for (const call of [mqClose, mqGetattr, mqReceive, (fd: any) => mqSend(fd, 'x')]) {
      expect(errorOf(() => call('0'))).toMatch(/^TypeError: Expected an integer for queue /);
      expect(errorOf(() => call(2 ** 32 + queue))).toMatch(/^OverflowError: queue /);
    }
    expect(errorOf(() => mqSend(queue, 5))).toMatch(/^TypeError: Expected a string or bytes /);
    expect(errorOf(() => mqSend(queue, 'x', '1'))).toMatch(/^TypeError: .* for priority /);
    expect(errorOf(() => mqSend(queue, 'x', -1))).toMatch(/^ValueError: priority must not be neg/);
    expect(errorOf(() => mqSend(queue, 'x', 0, '1'))).toMatch(/^TypeError: .* for timeout /);
    expect(errorOf(() => mqReceive(queue, NaN))).toMatch(/^TypeError: .* for timeout /);
    expect(errorOf(() => mqSetattr(queue, 1))).toMatch(/^TypeError: Expected a boolean for nonb/);
    expect(mqGetattr(queue).curmsgs).toBe(0);
  });
});

/** Named semaphores. */

import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';

import { FileExistsError, FileNotFoundError, posix, Process } from 'multiproc';

import { errorOf, exitcodeOf, expectNoChildren, inChild, patience } from './lib/child';
import { runSource } from './lib/run';
import { interrupt, node } from './lib/signals';

const { O_CREAT, O_EXCL, SEM_VALUE_MAX } = posix;
const onLinux = process.platform === 'linux' ? test : test.skip;

/** Under which this file makes its names, all of them. */
const prefix = `multiproc-test-${randomBytes(4).toString('hex')}`;
let count = 0;

function newName(): string {
  return `/${prefix}-${count++}`;
}

/** A semaphore that has no name any more. */
function made(value = 0): posix.NamedSemaphore {
  const name = newName();
  const sem = posix.semOpen(name, O_CREAT | O_EXCL, 0o600, value);
  posix.semUnlink(name);
  return sem;
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
  expectNoChildren();
  if (process.platform !== 'linux') return;
  expect(readdirSync('/dev/shm').filter((name) => name.includes(prefix))).toEqual([]);
});

describe('across processes', () => {
  test('a child that opens the name ends the wait of the parent', () => {
    const name = newName();
    const sem = posix.semOpen(name, O_CREAT | O_EXCL);
    const child = started(() => posix.semPost(posix.semOpen(name)));
    posix.semWait(sem);
    child.join(patience);
    posix.semUnlink(name);
    expect([child.exitcode, posix.semTrywait(sem)]).toEqual([0, false]);
  });

  test('a child inherits it by fork, without a name', () => {
    const [ping, pong] = [made(), made()];
    const child = started(() => {
      for (let i = 0; i < 100; i++) {
        posix.semWait(ping);
        posix.semPost(pong);
      }
    });
    for (let i = 0; i < 100; i++) {
      posix.semPost(ping);
      posix.semWait(pong);
    }
    child.join(patience);
    expect(child.exitcode).toBe(0);
    expect([posix.semTrywait(ping), posix.semTrywait(pong)]).toEqual([false, false]);
  });

  test('plain fork(2) inherits it as well', () => {
    const sem = made();
    const pid = posix.fork();
    if (pid === 0) {
      posix.semPost(sem);
      posix.exit();
    }
    expect(posix.semTimedwait(sem, patience)).toBe(true);
    expect(posix.waitpid(pid)).toEqual([pid, 0]);
  });

  test('what a child closes stays open in the parent', () => {
    const sem = made();
    expect(exitcodeOf(new Process({ target: () => posix.semClose(sem) }))).toBe(0);
    posix.semPost(sem);
    expect(posix.semTrywait(sem)).toBe(true);
  });

  onLinux('goes on waiting after a signal', async () => {
    const [sem, ready] = [made(), made()];
    const child = started(() => {
      node.on('SIGUSR2', () => {});
      posix.semPost(ready);
      posix.exit(posix.semTimedwait(sem, patience) ? 7 : 1);
    });
    posix.semWait(ready);
    await interrupt(child, 'SIGUSR2', 3);
    posix.semPost(sem);
    child.join(patience);
    expect(child.exitcode).toBe(7);
  });
});

describe('semOpen, semUnlink', () => {
  test('with and without a slash is the same name', () => {
    const name = newName();
    const sem = posix.semOpen(name.slice(1), O_CREAT | O_EXCL, 0o600, 1);
    expect(posix.semTrywait(posix.semOpen(name))).toBe(true);
    expect(posix.semTrywait(sem)).toBe(false);
    posix.semUnlink(name);
  });

  test('O_CREAT opens what is there, with its count', () => {
    const name = newName();
    const sem = posix.semOpen(name, O_CREAT, 0o600, 2);
    const again = posix.semOpen(name, O_CREAT, 0o600, 5);
    posix.semUnlink(name);
    expect([posix.semTrywait(again), posix.semTrywait(sem)]).toEqual([true, true]);
    expect([posix.semTrywait(again), posix.semTrywait(sem)]).toEqual([false, false]);
    // Each was opened for itself.
    posix.semClose(again);
    posix.semPost(sem);
    expect(posix.semTrywait(sem)).toBe(true);
  });

  onLinux('the mode: 0600 unless another is given', () => {
    const [name, other] = [newName(), newName()];
    posix.semOpen(name, O_CREAT);
    posix.semOpen(other, O_CREAT, 0o400);
    const modes = [name, other].map((each) => statSync(`/dev/shm/sem.${each.slice(1)}`).mode);
    posix.semUnlink(name);
    posix.semUnlink(other);
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o600, 0o400]);
  });

  test('ENOENT, EEXIST', () => {
    const name = newName();
    const missing = caught(() => posix.semOpen(name));
    expect(missing).toBeInstanceOf(FileNotFoundError);
    expect(missing).toMatchObject({
      message: `[Errno 2] No such file or directory: '${name}'`,
      code: 'ENOENT',
      syscall: 'sem_open',
      path: name,
    });
    posix.semOpen(name, O_CREAT);
    const existing = caught(() => posix.semOpen(name, O_CREAT | O_EXCL));
    posix.semUnlink(name);
    expect(existing).toBeInstanceOf(FileExistsError);
    const unlinked = caught(() => posix.semUnlink(name));
    expect(unlinked).toBeInstanceOf(FileNotFoundError);
    expect(unlinked).toMatchObject({ syscall: 'sem_unlink', path: name });
  });

  test('names that the system refuses', () => {
    for (const name of [`/${prefix}/x`, `${prefix}/x`, '', '/']) {
      expect(caught(() => posix.semOpen(name, O_CREAT))).toMatchObject({ syscall: 'sem_open' });
    }
    const long = `/${'x'.repeat(1000)}`;
    expect(['EINVAL', 'ENAMETOOLONG']).toContain(
      (caught(() => posix.semOpen(long, O_CREAT)) as { code: string }).code,
    );
    expect(caught(() => posix.semUnlink(long))).toMatchObject({ syscall: 'sem_unlink' });
  });

  test('bad input', () => {
    const name = newName();
    const semOpen = posix.semOpen as (...args: unknown[]) => unknown;
    for (const call of [semOpen, posix.semUnlink as typeof semOpen]) {
      expect(errorOf(() => call(`${name}\0x`))).toBe('ValueError: embedded null character in name');
      expect(errorOf(() => call(5))).toBe(
        'TypeError: Expected a string for name but received 5 of type number',
      );
    }
    expect(errorOf(() => semOpen(name, 'r'))).toBe(
      "TypeError: Expected an integer for flags but received 'r' of type string",
    );
    expect(errorOf(() => semOpen(name, O_CREAT, '0600'))).toMatch(/^TypeError: .* for mode /);
    expect(errorOf(() => semOpen(name, O_CREAT, -1))).toBe(
      'ValueError: mode must not be negative: -1',
    );
    expect(errorOf(() => semOpen(name, O_CREAT, 0o600, 0.5))).toMatch(/^TypeError: .* for value /);
    expect(errorOf(() => semOpen(name, O_CREAT, 0o600, -1))).toBe(
      'ValueError: value must not be negative: -1',
    );
    expect(errorOf(() => semOpen(name, O_CREAT, 0o600, 2 ** 32))).toBe(
      'OverflowError: value does not fit into an int: 4294967296',
    );
  });
});

describe('the count', () => {
  test('waits take it, posts give it', () => {
    const sem = made(2);
    posix.semWait(sem);
    expect(posix.semTimedwait(sem, 0)).toBe(true);
    expect(posix.semTrywait(sem)).toBe(false);
    posix.semPost(sem);
    expect(posix.semTimedwait(sem, null)).toBe(true);
    expect(posix.semTrywait(sem)).toBe(false);
  });

  onLinux('semGetvalue; not above SEM_VALUE_MAX', () => {
    const sem = made(3);
    posix.semPost(sem);
    expect(posix.semGetvalue(sem)).toBe(4);
    const full = made(SEM_VALUE_MAX);
    expect(caught(() => posix.semPost(full))).toMatchObject({
      code: 'EOVERFLOW',
      syscall: 'sem_post',
    });
    expect(posix.semGetvalue(full)).toBe(SEM_VALUE_MAX);
  });

  test('semTimedwait: false after the time', () => {
    const sem = made();
    const begin = performance.now();
    expect(posix.semTimedwait(sem, 0.05)).toBe(false);
    expect(performance.now() - begin).toBeGreaterThan(45);
    expect([posix.semTimedwait(sem, 0), posix.semTimedwait(sem, -5)]).toEqual([false, false]);
  });

  test('semTimedwait: a post ends a long or endless wait', () => {
    for (const timeout of [patience, 1e300, Infinity, null]) {
      const sem = made();
      const child = started(() => posix.semPost(sem));
      expect(posix.semTimedwait(sem, timeout)).toBe(true);
      child.join(patience);
    }
  });

  test('semTimedwait: bad input', () => {
    const sem = made(1);
    for (const bad of ['1', NaN, {}]) {
      expect(errorOf(() => posix.semTimedwait(sem, bad as any))).toMatch(
        /^TypeError: Expected a number of seconds or null for timeout/,
      );
    }
    expect(posix.semTrywait(sem)).toBe(true);
  });
});

describe('the object', () => {
  const { semClose, semWait, semTrywait, semTimedwait, semPost, semGetvalue } = posix;
  const calls = Object.entries<(sem: any, timeout?: any) => unknown>({
    sem_close: semClose,
    sem_wait: semWait,
    sem_trywait: semTrywait,
    sem_timedwait: (sem) => semTimedwait(sem, 1),
    sem_post: semPost,
    ...(process.platform === 'linux' ? { sem_getvalue: semGetvalue } : {}),
  });

  test.each(calls)('%s after semClose is EINVAL', (syscall, call) => {
    const sem = made(1);
    posix.semClose(sem);
    expect(caught(() => call(sem))).toMatchObject({ name: 'OSError', code: 'EINVAL', syscall });
  });

  test.each(calls)('%s takes nothing that only looks like it', (_, call) => {
    const sem = made(1);
    const lookalike = Object.create(Object.getPrototypeOf(sem) as object) as object;
    for (const bad of [undefined, null, 5, 'sem', {}, lookalike, () => 1]) {
      expect(errorOf(() => call(bad))).toMatch(/^TypeError: Expected a NamedSemaphore for sem /);
    }
    expect(sem.name).toContain(prefix);
  });

  onLinux('the garbage collector closes it', async () => {
    const name = newName();
    const source = `
      const { posix } = require('multiproc');
      const { readFileSync } = require('node:fs');
      const mapped = () => readFileSync('/proc/self/maps', 'utf8').includes('/dev/shm/sem.');
      (function open() {
        posix.semOpen('${name}', posix.O_CREAT);
        posix.semUnlink('${name}');
      })();
      const before = mapped();
      (function collect() {
        gc();
        if (mapped()) setTimeout(collect, 5);
        else console.log(before, mapped());
      })();`;
    const { stdout, stderr } = await runSource(source, { nodeArgs: ['--expose-gc'] });
    expect([stdout, stderr]).toEqual(['true false\n', '']);
  });

  test('many are opened and closed in a child', () => {
    const rounds = inChild(() => {
      for (let i = 0; i < 2000; i++) posix.semClose(made());
      return 2000;
    });
    expect(rounds).toBe(2000);
  });
});

/** The system calls themselves. */

import { constants } from 'node:os';

import { BlockingIOError, ChildProcessError, OSError, posix, ProcessLookupError } from 'multiproc';
import * as subpath from 'multiproc/posix';

import { errorOf } from './lib/child';
import { runProgram, until } from './lib/run';

/** A child of fork(2) in Jest's process: it may do system calls, and ends by one. */
function child(main: () => void): number {
  const pid = posix.fork();
  if (pid !== 0) return pid;
  try {
    main();
  } finally {
    posix.exit(99);
  }
}

/** Until a signal; wakes up to see whether Jest has been killed. */
function idle(): void {
  const parent = posix.getppid();
  const nobodyNotifies = new Int32Array(new SharedArrayBuffer(4));
  while (posix.getppid() === parent) Atomics.wait(nobodyNotifies, 0, 0, 200);
}

function caught(call: () => unknown): any {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

test('multiproc/posix and the namespace have the same names', () => {
  expect(Object.keys(subpath).sort()).toEqual(Object.keys(posix).sort());
  expect(Object.keys(posix)).toEqual(
    expect.arrayContaining([
      ...['fork', 'getpid', 'getppid', 'waitpid', 'kill', 'exit', 'waitstatusToExitcode'],
      ...['pipe', 'socketpair', 'close', 'read', 'write', 'poll'],
      ...['dup', 'dup2', 'fcntl', 'ftruncate'],
      ...['semOpen', 'semClose', 'semUnlink', 'semWait', 'semTrywait', 'semTimedwait'],
      ...['semPost', 'semGetvalue'],
      ...['shmOpen', 'shmUnlink', 'mmap', 'munmap', 'PROT_READ', 'MAP_SHARED', 'MAP_ANONYMOUS'],
      ...['mqOpen', 'mqClose', 'mqUnlink', 'mqSend', 'mqReceive', 'mqGetattr', 'mqSetattr'],
    ]),
  );
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('the constants are numbers', () => {
  const constants = Object.entries(posix).filter(([name]) =>
    /^(O|POLL|AF|SOCK|F|FD|SEM|MQ)_?[A-Z_]+$/.test(name),
  );
  expect(constants.filter(([, value]) => typeof value !== 'number')).toEqual([]);
  expect(Object.fromEntries(constants)).toMatchObject({
    ...{ O_CREAT: 0o100, O_EXCL: 0o200, O_RDWR: 2, O_NONBLOCK: 0o4000, O_CLOEXEC: 0o2000000 },
    ...{ POLLIN: 1, POLLPRI: 2, POLLOUT: 4, POLLERR: 8, POLLHUP: 16, POLLNVAL: 32 },
    ...{ F_GETFD: 1, F_SETFD: 2, F_GETFL: 3, F_SETFL: 4, FD_CLOEXEC: 1 },
    ...{ F_SETPIPE_SZ: 1031, F_GETPIPE_SZ: 1032, F_DUPFD_CLOEXEC: 1030 },
    ...{ AF_UNIX: 1, SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_SEQPACKET: 5 },
    ...{ SEM_VALUE_MAX: 2 ** 31 - 1, MQ_PRIO_MAX: 32768 },
  });
});

describe('fork', () => {
  test.each(['script', 'promise', 'timer', 'immediate', 'fs callback'])(
    'returns twice, with everything inherited: in %s',
    async (place) => {
      const { stdout, stderr, code } = await runProgram('posix-fork.js', { args: [place] });
      expect(stderr).toBe('');
      const lines = stdout.trim().split('\n');
      const of = (side: string): string[] => lines.filter((line) => line.startsWith(`${side}: `));
      expect(of('child')).toEqual([
        'child: fork returned 0; pids true',
        'child: variable inherited',
        'child: promise',
        'child: timer of before',
        'child: timer of its own',
        'child: exit listener 7',
      ]);
      expect(of('parent')).toEqual([
        'parent: fork returned a pid; pids true',
        'parent: variable inherited',
        'parent: waitpid returned that pid, exit code 7',
        'parent: variable parent',
        'parent: promise',
        'parent: timer of before',
        'parent: exit listener 0',
      ]);
      expect(lines).toHaveLength(13);
      expect(code).toBe(0);
    },
  );

  test('a server that was open before goes on in the child', async () => {
    const { stdout } = await runProgram('posix-server.js');
    expect(stdout).toBe('true 0\n');
  });

  test('the child ends like any program', async () => {
    const { stdout, stderr } = await runProgram('posix-ends.js');
    expect(JSON.parse(stdout)).toEqual({
      'posix.exit()': 0,
      'posix.exit(5)': 5,
      'posix.exit(300)': 44,
      'process.exit(6)': 6,
      'process.exitCode = 7': 7,
      'runs dry': 0,
      throws: 1,
      rejects: 1,
      SIGKILL: -9,
      'a child of its own': 9,
    });
    // Exit listeners are called, but not by posix.exit(), which is _exit(2).
    expect(stderr.match(/listener [^;]*;/g)).toEqual([
      'listener process.exit(6);',
      'listener process.exitCode = 7;',
      'listener runs dry;',
      'listener throws;',
      'listener rejects;',
      'listener a child of its own;',
    ]);
    expect(stderr).toMatch(/^Error: thrown in a child\n {4}at /m);
    expect(stderr).toMatch(/^Error: rejected in a child\n {4}at /m);
  });
});

describe('getpid, getppid', () => {
  test('ask the kernel', () => {
    expect([posix.getpid(), posix.getppid()]).toEqual([process.pid, process.ppid]);
    const parent = process.pid;
    const pid = child(() =>
      posix.exit(posix.getppid() === parent && posix.getpid() !== parent ? 1 : 2),
    );
    expect(posix.waitpid(pid)).toEqual([pid, 1 << 8]);
  });
});

describe('waitpid', () => {
  test('any child: -1', () => {
    const pid = child(() => posix.exit(3));
    expect(posix.waitpid(-1)).toEqual([pid, 3 << 8]);
  });

  test('WNOHANG: [0, 0] while no child has ended, then reaps a zombie', async () => {
    const pid = child(idle);
    expect(posix.waitpid(pid, posix.WNOHANG)).toEqual([0, 0]);
    posix.kill(pid, 'SIGKILL');
    let ended: [number, number] = [0, 0];
    await until(() => (ended = posix.waitpid(pid, posix.WNOHANG))[0] !== 0);
    expect(ended).toEqual([pid, 9]);
  });

  test('ECHILD when there is no such child', () => {
    const pid = child(() => posix.exit());
    posix.waitpid(pid);
    for (const call of [() => posix.waitpid(pid), () => posix.waitpid(-1, posix.WNOHANG)]) {
      const error = caught(call);
      expect(error).toBeInstanceOf(ChildProcessError);
      expect(error).toBeInstanceOf(OSError);
      expect(error).toMatchObject({
        name: 'ChildProcessError',
        message: '[Errno 10] No child processes',
        code: 'ECHILD',
        errno: -10,
        syscall: 'waitpid',
      });
    }
  });

  test('other options are passed on: EINVAL', () => {
    expect(caught(() => posix.waitpid(-1, 1 << 20))).toMatchObject({
      name: 'OSError',
      code: 'EINVAL',
      message: '[Errno 22] Invalid argument',
    });
  });

  test('bad input', () => {
    expect(errorOf(() => posix.waitpid('1' as any))).toBe(
      "TypeError: Expected an integer for pid but received '1' of type string",
    );
    expect(errorOf(() => posix.waitpid(1, 0.5))).toBe(
      'TypeError: Expected an integer for options but received 0.5 of type number',
    );
  });
});

describe('wait status', () => {
  const { WIFEXITED, WIFSIGNALED, WIFSTOPPED, WIFCONTINUED, WEXITSTATUS, WTERMSIG, WSTOPSIG } =
    posix;

  function kindOf(status: number): string[] {
    const kinds = { WIFEXITED, WIFSIGNALED, WIFSTOPPED, WIFCONTINUED };
    return Object.entries(kinds).flatMap(([name, is]) => (is(status) ? [name] : []));
  }

  test.each([0, 1, 255])('exit %i', (code) => {
    const [, status] = posix.waitpid(child(() => posix.exit(code)));
    expect(kindOf(status)).toEqual(['WIFEXITED']);
    expect(WEXITSTATUS(status)).toBe(code);
    expect(posix.waitstatusToExitcode(status)).toBe(code);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('%s', (signal) => {
    const pid = child(idle);
    posix.kill(pid, signal);
    const [, status] = posix.waitpid(pid);
    expect(kindOf(status)).toEqual(['WIFSIGNALED']);
    expect(WTERMSIG(status)).toBe(constants.signals[signal]);
    expect(posix.WCOREDUMP(status)).toBe(false);
    expect(posix.waitstatusToExitcode(status)).toBe(-constants.signals[signal]);
  });

  test('stopped, with WUNTRACED', () => {
    const pid = child(idle);
    posix.kill(pid, 'SIGSTOP');
    const [stopped, status] = posix.waitpid(pid, posix.WUNTRACED);
    expect(stopped).toBe(pid);
    expect(kindOf(status)).toEqual(['WIFSTOPPED']);
    expect(WSTOPSIG(status)).toBe(constants.signals.SIGSTOP);
    posix.kill(pid, 'SIGKILL');
    expect(posix.waitpid(pid)).toEqual([pid, 9]);
  });

  test('continued, and a core dump: as sys/wait.h has them', () => {
    expect(kindOf(0xffff)).toEqual(['WIFCONTINUED']);
    expect([kindOf(0x86), WTERMSIG(0x86), posix.WCOREDUMP(0x86)]).toEqual([
      ['WIFSIGNALED'],
      6,
      true,
    ]);
  });
});

describe('kill', () => {
  test('a name, a number, and 0 that only asks', () => {
    const pid = child(idle);
    posix.kill(pid, 0);
    posix.kill(pid, constants.signals.SIGKILL);
    expect(posix.waitpid(pid)).toEqual([pid, 9]);
    const error = caught(() => posix.kill(pid, 'SIGTERM'));
    expect(error).toBeInstanceOf(ProcessLookupError);
    expect(error).toMatchObject({
      message: '[Errno 3] No such process',
      code: 'ESRCH',
      errno: -3,
      syscall: 'kill',
    });
    expect(error).not.toBeInstanceOf(BlockingIOError);
  });

  test('a pid beyond an int is not the group -1', () => {
    expect(errorOf(() => posix.kill(2 ** 32 - 1, 0))).toBe(
      'OverflowError: pid does not fit into an int: 4294967295',
    );
  });

  test('bad input', () => {
    expect(caught(() => posix.kill(process.pid, 12345))).toMatchObject({ code: 'EINVAL' });
    expect(errorOf(() => posix.kill(process.pid, 'SIGNONE' as any))).toMatch(
      /^TypeError: Expected .* for signal but received /,
    );
    expect(errorOf(() => posix.kill({} as any, 0))).toBe(
      'TypeError: Expected an integer for pid but received [object Object] of type object',
    );
  });
});

test('exit: bad input is an error, and the process goes on', () => {
  expect(errorOf(() => posix.exit('1' as any))).toBe(
    "TypeError: Expected an integer for code but received '1' of type string",
  );
});

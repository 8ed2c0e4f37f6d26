/** Processes in whole programs: their end, their generations, the limits. */

import { spawnSync } from 'node:child_process';
import { accessSync } from 'node:fs';

import { runProgram, runSource } from './lib/run';

describe('the end of a program waits for its children and terminates the daemonic ones', () => {
  const ways = [
    ['return', 0],
    ['exit', 3],
    ['throw', 1],
    ['reject', 1],
  ] as const;

  test.each(ways)('by %s', async (how, code) => {
    const ended = await runProgram('end.js', { args: [how, 'main'] });
    expect(ended.stdout).toBe(`worker ends\nparent ends with ${code}: 0 -15\n`);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(code === 1 ? /^Error: the parent fails$/m : /^$/);
  });

  test.each(ways)('in a child that has children, by %s', async (how, code) => {
    const ended = await runProgram('end.js', { args: [how, 'child'] });
    expect(ended.stdout).toBe(`worker ends\nparent ends with ${code}: 0 -15\n`);
    expect(ended.code).toBe(code);
    const report = /^Process Process-1:\n[^]*^Error: the parent fails$/m;
    expect(ended.stderr).toMatch(code === 1 ? report : /^$/);
  });
});

const lifelines: [string, NodeJS.ProcessEnv][] = [
  ['pidfd', {}],
  ['socket pair', { MULTIPROC_NO_PIDFD: '1' }],
];

describe.each(lifelines)('processes know of each other by a %s', (_, env) => {
  let seen: Record<string, unknown>;
  beforeAll(async () => {
    const ended = await runProgram('lifelines.js', { env });
    expect(ended.stderr).toBe('');
    seen = JSON.parse(ended.stdout);
  });

  test('join() with a timeout', () => {
    expect(seen['joinWithTimeout']).toEqual([null, -9]);
  });
  test('joinAsync(), with and without a timeout', () => {
    expect(seen['joinAsync']).toEqual([null, -9]);
  });
  test('sentinel is a descriptor that becomes readable, and stays so', () => {
    expect(seen['sentinel']).toEqual([true, false, true, true]);
  });
  test('C006 a grandchild sees its parent alive, waits for its end, sees it dead', () => {
    expect(seen['parentOfGrandchild']).toEqual([true, false]);
  });
  test('a grandchild that goes on does not hide the end of a child', () => {
    expect(seen['endDespiteGrandchild']).toEqual([-9, true]);
  });
  test('nor does a sibling hide the end of the parent', () => {
    expect(seen['endDespiteSibling']).toBe(-9);
  });
  test('close() frees all descriptors', () => {
    expect(seen['descriptorsLeft']).toBe(0);
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'daemonic children die when the parent dies of %s, the others go on',
    async (signal) => {
      const ended = await runProgram('orphans.js', { args: [signal], env });
      expect(ended.signal).toBe(signal);
      expect(ended.stdout).toMatch(
        /^daemon \d+\ndaemon \d+\nworker: parent alive true\nworker: parent alive false\nworker goes on\n$/,
      );
      // The daemons held copies of the pipes that runProgram() has seen closed.
      for (const [, pid] of ended.stdout.matchAll(/^daemon (\d+)$/gm)) {
        expect(hasEnded(Number(pid))).toBe(true);
      }
    },
  );

  test('a child whose parent dies before it has begun knows that, and goes on', async () => {
    const source = `
      const { parentProcess, posix, Process, registerAtFork } = require('multiproc');
      const parent = process.pid;
      registerAtFork({ child() { while (posix.getppid() === parent); } });
      const target = () => {
        parentProcess().join();
        console.log('alive', parentProcess().isAlive());
      };
      new Process({ target }).start();
      process.kill(process.pid, 'SIGKILL');`;
    const ended = await runSource(source, { env });
    expect(ended).toMatchObject({ signal: 'SIGKILL', stdout: 'alive false\n', stderr: '' });
  });
});

/** Without descriptors: gone, or a zombie that its new parent has yet to reap. */
function hasEnded(pid: number): boolean {
  try {
    accessSync(`/proc/${pid}/fd/1`);
    return false;
  } catch {
    return true;
  }
}

test('C019 processes start processes; each has its number after that of its parent', async () => {
  const { stdout } = await runProgram('generations.js');
  expect(stdout.trim().split('\n')).toEqual([
    '[] MainProcess',
    '[0] Process-1',
    '[0,0] Process-1:1',
    '[0,1] Process-1:2',
    '[1] Process-2',
    '[1,0] Process-2:1',
    '[1,1] Process-2:2',
  ]);
});

test.each(['script', 'tick', 'promise', 'timer', 'immediate', 'fs callback', 'fs promise'])(
  "work of the parent's that is due does not stop a child that is started in: %s",
  async (place) => {
    const { stdout } = await runProgram('due-callbacks.js', { args: [place] });
    const [child, exitcode, ...parents] = stdout.trim().split('\n');
    expect([child, exitcode]).toEqual(['child', 'exitcode 0']);
    expect(parents.sort()).toEqual(['parent: immediate', 'parent: timer']);
  },
);

test('start() and posix.fork() in a worker thread are errors', async () => {
  const { stdout, code } = await runProgram('worker-thread.js');
  expect(JSON.parse(stdout)).toEqual({
    start: 'RuntimeError: cannot start a process in a worker thread: fork(2) copies one thread',
    fork: 'RuntimeError: fork(2) copies one thread, and Node needs its main one',
    children: 0,
  });
  expect(code).toBe(0);
});

describe('at the limit of processes', () => {
  // It does not hold for root.
  const via =
    process.getuid!() === 0
      ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
      : ['env'];
  const [command, ...rest] = [...via, process.execPath, '-e', "require('multiproc')"];
  const canRun = spawnSync(command, rest, { cwd: __dirname }).status === 0;
  const ifPossible = canRun ? test : test.skip;
  const reason = canRun ? '' : ' (skipped: the user nobody may not read the package)';

  ifPossible(`start() and posix.fork() fail with EAGAIN and leave nothing${reason}`, async () => {
    const ended = await runProgram('process-limit.js', { via });
    expect(ended.stderr).toBe('');
    const error = {
      class: 'BlockingIOError',
      code: 'EAGAIN',
      errno: -11,
      syscall: 'fork',
      message: '[Errno 11] Resource temporarily unavailable',
    };
    expect(JSON.parse(ended.stdout)).toEqual({
      start: error,
      fork: error,
      descriptorsLeft: 0,
      pid: null,
      children: 0,
      shown: expect.stringMatching(/^<Process name='limited' parent=\d+ initial>$/),
      exitcodeWithoutLimit: 5,
    });
  });
});

/** CPython's multiprocessing on the other end of a named semaphore. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';

import { posix } from 'multiproc';

import { patience } from './lib/child';
import { until } from './lib/run';

const prefix = `/multiproc-test-${randomBytes(4).toString('hex')}`;

/** `given` and `taken` are semaphores of Python's; SEMAPHORE is its kind of lock that counts. */
const preamble = `
import sys
from _multiprocessing import SemLock
SEMAPHORE, VALUE_MAX = 1, SemLock.SEM_VALUE_MAX
def opened(name): return SemLock._rebuild(0, SEMAPHORE, VALUE_MAX, name)
def made(name, value): return SemLock(SEMAPHORE, value, VALUE_MAX, name, False)
names = sys.argv[1:]
`;

function reasonToSkip(): string | undefined {
  const { status, error } = spawnSync('python3', ['-c', preamble]);
  if (error !== undefined) return 'there is no python3';
  return status === 0 ? undefined : 'python3 has no _multiprocessing.SemLock';
}

const reason = reasonToSkip();
if (reason !== undefined) console.warn(`semaphores are not tested with CPython: ${reason}`);
const suite = reason === undefined ? describe : describe.skip;

suite('a named semaphore shared with CPython', () => {
  let python: ChildProcess | undefined;
  let names: string[];

  beforeEach(() => {
    names = ['a', 'b'].map((letter) => `${prefix}-${letter}`);
  });
  afterEach(() => {
    if (python?.exitCode === null) python.kill('SIGKILL');
    for (const name of names) {
      try {
        posix.semUnlink(name);
      } catch {
        // The test has unlinked it.
      }
    }
    if (process.platform !== 'linux') return;
    expect(readdirSync('/dev/shm').filter((name) => name.includes(prefix.slice(1)))).toEqual([]);
  });

  function startPython(source: string): ChildProcess {
    python = spawn('python3', ['-c', preamble + source, ...names], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return python;
  }

  async function exitcodeOf(program: ChildProcess): Promise<unknown> {
    if (program.exitCode === null) await once(program, 'exit');
    return program.exitCode;
  }

  /** Opens a semaphore as soon as the other side has made it. */
  async function openedLater(name: string): Promise<posix.NamedSemaphore> {
    let sem: posix.NamedSemaphore | undefined;
    await until(() => {
      try {
        sem = posix.semOpen(name);
      } catch {
        return false;
      }
      return true;
    });
    return sem!;
  }

  test('we make it: Python posts, we wait', async () => {
    const [posted] = names.map((name) => posix.semOpen(name, posix.O_CREAT | posix.O_EXCL));
    const program = startPython('for _ in range(3): opened(names[0]).release()');
    const waits = [1, 2, 3].map(() => posix.semTimedwait(posted!, patience));
    expect([waits, posix.semTrywait(posted!)]).toEqual([[true, true, true], false]);
    expect(await exitcodeOf(program)).toBe(0);
  });

  test('we make it: we post, Python waits', async () => {
    const [posted, answer] = names.map((name) => posix.semOpen(name, posix.O_CREAT | posix.O_EXCL));
    const program = startPython(`
sem = opened(names[0])
got = [sem.acquire(True, ${patience}) for _ in range(2)] + [sem.acquire(False)]
if got == [True, True, False]: opened(names[1]).release()
`);
    posix.semPost(posted!);
    posix.semPost(posted!);
    expect(posix.semTimedwait(answer!, patience)).toBe(true);
    expect(await exitcodeOf(program)).toBe(0);
  });

  test('Python makes them: its count is ours, in both directions', async () => {
    const program = startPython(`
answer, request = made(names[1], 2), made(names[0], 0)
assert request.acquire(True, ${patience})
answer.release()
`);
    const request = await openedLater(names[0]!);
    const answer = posix.semOpen(names[1]!);
    expect([posix.semTrywait(answer), posix.semTrywait(answer)]).toEqual([true, true]);
    posix.semPost(request);
    expect(posix.semTimedwait(answer, patience)).toBe(true);
    expect(await exitcodeOf(program)).toBe(0);
  });
});

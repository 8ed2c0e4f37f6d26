/** What is left of shared memory when processes end. */

import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';

import { SharedMemory } from 'multiproc';
import { register, registerBeforeCreation, unregister } from 'multiproc/resource-tracker';

import { errorOf, temporaryDirectory } from './lib/child';
import { type Ended, runProgram, type RunOptions, until } from './lib/run';
import { exists, removeSegments, uniqueName } from './lib/segments';

const made = new Set<string>();

afterEach(() => {
  removeSegments(made);
  made.clear();
});

interface Result extends Ended {
  /** What it said, line by line. */
  said: any[];
}

async function run(scenario: string, name = '', options: RunOptions = {}): Promise<Result> {
  const ended = await runProgram('segments.js', { ...options, args: [scenario, name] });
  const said = ended.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  for (const each of said) {
    const { name: left, tracker } = (each ?? {}) as { name?: string; tracker?: number };
    if (left) made.add(left);
    if (tracker) await until(() => !isRunning(tracker));
  }
  return { ...ended, said };
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** The tracker's words. */
function leaked(...names: string[]): string {
  const list = names.map((name) => `'/${name}'`).join(', ');
  return (
    `UserWarning: resource_tracker: There appear to be ${names.length} leaked shared_memory ` +
    `objects to clean up at shutdown: {${list}}\n`
  );
}

/** A segment of this program. */
function create(): SharedMemory {
  const segment = new SharedMemory({ create: true, size: 64 });
  made.add(segment.name);
  return segment;
}

describe('the end of a program', () => {
  test.each([
    ['leak', 0, null],
    ['process.exit', 3, null],
    ['posix.exit', 3, null],
    ['SIGTERM', null, 'SIGTERM'],
    ['SIGKILL', null, 'SIGKILL'],
  ])('C233: %s: the tracker unlinks what is left, and says so', async (scenario, code, signal) => {
    const ended = await run(scenario);
    const [{ name }] = ended.said;
    expect([ended.code, ended.signal, ended.stderr]).toEqual([code, signal, leaked(name)]);
    expect(exists(name)).toBe(false);
  });

  test('an uncaught error', async () => {
    const { code, stderr, said } = await run('throw');
    expect(code).toBe(1);
    expect(stderr).toContain('Error: on purpose');
    expect(stderr.endsWith(leaked(said[0].name))).toBe(true);
    expect(exists(said[0].name)).toBe(false);
  });

  test('nothing is said of what was unlinked', async () => {
    const { stderr, said } = await run('unlink');
    expect([stderr, exists(said[0].name)]).toEqual(['', false]);
  });

  test('nothing is done to what is not tracked', async () => {
    const { stderr, said } = await run('untracked');
    expect([stderr, exists(said[0].name)]).toEqual(['', true]);
  });

  test('C278: two are left, but one of them has no name any more', async () => {
    // Python counts that one, too, and reports that it could not unlink it.
    const { stderr, said } = await run('two, one gone');
    expect(stderr).toBe(leaked(said[0].name));
    expect(exists(said[0].name)).toBe(false);
  });
});

describe('several processes', () => {
  test('what a child creates is there for its parent, which has had nothing to do with it', async () => {
    const { stderr, said } = await run('left to the parent');
    expect(said).toEqual([{ exists: true }]);
    expect(stderr).toBe('');
  });

  test('a child that is killed is not the end of the program', async () => {
    const { stderr, said } = await run('child killed');
    expect(said).toEqual([expect.objectContaining({ exitcode: -9, exists: true })]);
    expect(stderr).toBe(leaked(said[0].name));
    expect(exists(said[0].name)).toBe(false);
  });

  test('the first process is killed: segments stay until the last one has ended', async () => {
    const { stderr, said, signal } = await run('first killed');
    expect(signal).toBe('SIGKILL');
    expect(said.slice(1)).toEqual([{ exists: true }, { exists: true }]);
    expect(stderr).toBe(leaked(said[0].name));
    expect(exists(said[0].name)).toBe(false);
  });

  test('children that are killed at any moment leave nothing', async () => {
    const prefix = uniqueName();
    const { stderr, said } = await run('storm', prefix);
    // Each has left what it did not unlink, until the end of the program.
    expect(said[0]).toBeGreaterThanOrEqual(12);
    expect(readdirSync('/dev/shm').filter((name) => name.startsWith(prefix))).toEqual([]);
    expect(stderr).toContain(`There appear to be ${said[0]} leaked shared_memory objects`);
    expect(stderr.match(/UserWarning/g)).toHaveLength(1);
  });

  test('C281, C286: a child uses its parent’s tracker', async () => {
    const { stderr, said } = await run('inherited');
    expect([said, stderr]).toEqual([[{ same: true }], '']);
  });

  test('C281: children that need one at once have one', async () => {
    const { stderr, said } = await run('race');
    expect(said).toHaveLength(4);
    expect(new Set(said).size).toBe(1);
    expect(stderr).toBe('');
    await until(() => !isRunning(said[0]));
  });

  test('C285: nobody waits for a forked child at the end; it has the segments still', async () => {
    const { stderr, said, code } = await run('raw fork');
    expect([said, stderr, code]).toEqual([['parent', true], '', 0]);
  });

  test('worker threads belong to the process', async () => {
    const { stderr, said } = await run('worker');
    expect([said, stderr]).toEqual([[{ exists: true }], '']);
  });
});

describe('other programs', () => {
  test('C234: attaching neither unlinks nor warns', async () => {
    const segment = create();
    const { stderr, code } = await run('attach', segment.name);
    expect([stderr, code, exists(segment.name)]).toEqual(['', 0, true]);
  });

  test('C235: with track: true it does', async () => {
    const segment = create();
    const { stderr } = await run('attach and track', segment.name);
    expect(stderr).toBe(leaked(segment.name));
    expect(exists(segment.name)).toBe(false);
    unregister(`/${segment.name}`, 'shared_memory');
  });

  test('another program unlinks: the creator has nothing to say at its end', async () => {
    const segment = create();
    await run('attach and unlink', segment.name);
    expect(exists(segment.name)).toBe(false);
    unregister(`/${segment.name}`, 'shared_memory');
  });

  test('what somebody else has is not unlinked, whenever the process is killed', async () => {
    const segment = create();
    const killed = await run('killed before creation', segment.name);
    expect([killed.signal, killed.stderr, exists(segment.name)]).toEqual(['SIGKILL', '', true]);
    const failed = await run('exists already', segment.name);
    expect([failed.said, failed.stderr]).toEqual([['FileExistsError'], '']);
    expect(exists(segment.name)).toBe(true);
    const free = uniqueName();
    const created = await run('killed after creation', free);
    expect([created.stderr, exists(free)]).toEqual([leaked(free), false]);
  });
});

describe('the tracker', () => {
  test('C242: names may have colons and line feeds', async () => {
    const { stderr } = await run('names');
    expect(stderr).toMatch(/: \{'\/left:\\n-\d+'\}\n$/);
    expect(stderr.split('UserWarning')).toHaveLength(2);
  });

  test('C279: it ignores signals that a terminal sends', async () => {
    const { stderr, said } = await run('signals');
    expect(said[0].same).toBe(true);
    expect(stderr).toBe(leaked(said[0].name));
  });

  test('killed, it is replaced, with a warning, and the new one knows what is there', async () => {
    const { stderr, said } = await run('tracker killed');
    const warning =
      /^\(node:\d+\) UserWarning: resource_tracker: process died unexpectedly, relaunching\. {2}Some resources might leak\.\n/;
    expect(stderr).toMatch(warning);
    expect(stderr.endsWith(leaked(said[0].name))).toBe(true);
    expect(stderr.match(/UserWarning/g)).toHaveLength(2);
    expect(exists(said[0].name)).toBe(false);
  });

  test('C289: stopped, it is an error, and nothing is created', async () => {
    const name = uniqueName();
    const { stderr, said } = await run('stopped', name);
    const [{ error, seconds }, created] = said;
    expect(error).toBe('TimeoutError: the resource tracker did not answer within 5 seconds');
    expect(seconds).toBeGreaterThan(4);
    expect([created, exists(name), stderr]).toEqual([false, false, '']);
  });

  test('C282: what cannot be registered', () => {
    const text = 'ValueError: shared memory name too long (max 255 bytes)';
    expect(errorOf(() => register(`/${'x'.repeat(256)}`, 'shared_memory'))).toBe(text);
    expect(errorOf(() => register('/x', 'semaphores'))).toBe(
      'ValueError: Cannot register /x for automatic cleanup: unknown resource type semaphores',
    );
    expect(errorOf(() => register('a\0', 'shared_memory'))).toMatch(/^ValueError: embedded null/);
    expect(errorOf(() => register(5 as any, 'shared_memory'))).toMatch(/^TypeError/);
  });

  test('only the first registration of a name is new', () => {
    const name = `/${uniqueName()}`;
    expect(registerBeforeCreation(name, 'shared_memory')).toBe(true);
    expect(registerBeforeCreation(name, 'shared_memory')).toBe(false);
    unregister(name, 'shared_memory');
    unregister(name, 'shared_memory');
    expect(registerBeforeCreation(name, 'shared_memory')).toBe(true);
    unregister(name, 'shared_memory');
  });

  test('it has no descriptors but its own', async () => {
    const { said } = await run('descriptors', '', {
      via: ['sh', '-c', 'exec 7</dev/zero 2>/dev/full; exec "$@"', 'sh'],
    });
    expect(said[0].slice(0, 3)).toEqual(['/dev/null', '/dev/null', '/dev/full']);
    expect(said[0].slice(3, 5)).toEqual(['socket', 'pipe']);
    // That of the question for its pid may be open still.
    expect([[], ['socket']]).toContainEqual(said[0].slice(5));
  });

  test('it may have lost its mode', async () => {
    const binaries = join(temporaryDirectory(), 'binaries');
    try {
      const own = process.env['MULTIPROC_BINARIES'];
      const prebuilt = join(__dirname, '..', 'prebuilds', `${process.platform}-${process.arch}`);
      cpSync(own ?? prebuilt, binaries, { recursive: true });
      chmodSync(join(binaries, 'tracker'), 0o644);
      const { stderr, code } = await run('unlink', '', { env: { MULTIPROC_BINARIES: binaries } });
      expect([stderr, code]).toEqual(['', 0]);
      expect(statSync(join(binaries, 'tracker')).mode & 0o111).toBe(0o111);
    } finally {
      rmSync(join(binaries, '..'), { recursive: true });
    }
  });

  test.each([
    ['unlink', 0],
    ['leak', 1],
  ])('C283: its exit code after %s is %i', async (scenario, expected) => {
    if (!hasPython()) return;
    // Orphans of its descendants become this process's children.
    const reaper = `
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
program = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
program.wait()
print(os.waitstatus_to_exitcode(os.wait()[1]))
`;
    const { said } = await run(scenario, '', { via: ['python3', '-c', reaper] });
    expect(said).toEqual([expected]);
  });
});

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version']);
    return existsSync('/proc/self');
  } catch {
    console.warn('no python3: not tested');
    return false;
  }
}

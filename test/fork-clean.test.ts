import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { posix, Process, registerAtFork } from 'multiproc';

import { type Ended, runProgram, runSource } from './lib/run';

interface Line {
  pid: number;
  text: string;
}

/** What programs log: "<pid> <text>". */
function linesOf(stdout: string): Line[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [pid, ...words] = line.split(' ');
      return { pid: Number(pid), text: words.join(' ') };
    });
}

/** The texts of each process, in the order of the processes' first lines. */
function textsByProcess(stdout: string): string[][] {
  const texts = new Map<number, string[]>();
  for (const { pid, text } of linesOf(stdout)) texts.set(pid, [...(texts.get(pid) ?? []), text]);
  return [...texts.values()];
}

function namesAfter(word: string, texts: readonly string[]): string[] {
  return texts
    .filter((text) => text.startsWith(`${word} `))
    .map((text) => text.slice(word.length + 1))
    .sort();
}

/** All that a process had left pending has run in it, each once. */
function expectAllRan(texts: readonly string[]): void {
  const armed = namesAfter('armed', texts);
  expect(armed.length).toBeGreaterThan(25);
  expect(namesAfter('ran', texts)).toEqual(armed);
}

function expectCleanEnd(ended: Ended): void {
  expect(ended).toMatchObject({ stderr: '', code: 0, signal: null });
}

const run = (name: string, ...args: string[]): Promise<Ended> =>
  runProgram(`fork-clean/${name}`, { args, deadline: 20 });

/** A directory for the time of one test. */
async function withDirectory<T>(use: (directory: string) => Promise<T> | T): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'multiproc-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('An async target completes, and nothing of the parent runs in the child, from', () => {
  const places = [
    'the top level',
    'an async function after await',
    'a tick',
    'a timeout',
    'an interval',
    'an immediate',
    'a callback of fs',
    'a continuation of fs.promises',
    'an event listener',
    'a handler of HTTP requests',
    'a data event, with more events of the same poll to come',
    'AsyncLocalStorage.run',
    'AsyncLocalStorage.run after await',
    'a chain of promises',
    'a microtask',
    'a finally block',
    'vm.runInContext',
    'a callback from C++',
    'a callback from WebAssembly',
    'a generator',
    'a message event',
    'a continuation of recvAsync()',
    'the callback of a watched descriptor',
    'a signal listener',
    'a listener of uncaught exceptions',
    'a listener of unhandled rejections',
  ];

  function expectCleanFork(ended: Ended, store = 'undefined'): void {
    expectCleanEnd(ended);
    const [parent, ...children] = textsByProcess(ended.stdout);
    expect(children).toEqual([[`began with ${store}`, `ended with ${store}`]]);
    expectAllRan(parent!);
    expect(namesAfter('exitcode', parent!)).toEqual(['0']);
  }

  test.each(places)('%s', async (place) => {
    const store = place.startsWith('AsyncLocalStorage') ? 'a store' : undefined;
    expectCleanFork(await run('places.js', place), store);
  });

  test.each([
    ['the top level of an ES module', 'at once'],
    ['the top level of an ES module after await', 'await'],
  ])('%s', async (_place, moment) => {
    const ended = await run('top-level-await.mjs', moment);
    expectCleanFork(ended);
    expect(
      namesAfter(
        'evaluated',
        linesOf(ended.stdout).map(({ text }) => text),
      ),
    ).toEqual(['once']);
  });

  test('a child: the grandchild runs nothing of either, and both run all of theirs', async () => {
    const ended = await run('generations.js');
    expectCleanEnd(ended);
    const lines = textsByProcess(ended.stdout);
    expect(lines).toHaveLength(3);
    // The parent logs nothing before its child has ended.
    const [child, grandchild, parent] = lines;
    expect(grandchild).toEqual(['began with undefined', 'ended with undefined']);
    // A child ends without emitting beforeExit.
    expectAllRan(child!.filter((text) => text !== 'armed beforeExit'));
    expect(namesAfter('exitcode', child!)).toEqual(['0']);
    expect(parent).toEqual(['exitcode 0']);
  });
});

describe('Inside Jest, an async target completes, and nothing of the parent runs in the child,', () => {
  const storage = new AsyncLocalStorage<string>();

  /** Forks with callbacks pending; what was called by whom, in the order of calls. */
  async function whoCalledWhat(file: string): Promise<{ name: string; pid: number }[]> {
    const say = (name: string) => appendFileSync(file, `${posix.getpid()} ${name}\n`);
    const pending = [
      new Promise((resolve) => setTimeout(resolve, 1)).then(() => say('timer')),
      new Promise((resolve) => setImmediate(resolve)).then(() => say('immediate')),
      new Promise<void>((resolve) => process.nextTick(resolve)).then(() => say('tick')),
      readFile(__filename).then(() => say('file')),
      Promise.resolve().then(() => say('job')),
    ];
    const child = new Process({
      async target() {
        await sleep(10);
        await readFile(__filename);
        await new Promise((resolve) => setImmediate(resolve));
        say(`target with ${storage.getStore()}`);
      },
    });
    try {
      storage.run('a store', () => child.start());
    } finally {
      say('finally');
    }
    child.join(10);
    const { exitcode } = child;
    child.kill();
    expect(exitcode).toBe(0);
    await Promise.all(pending);
    return linesOf(readFileSync(file, 'utf8')).map(({ pid, text }) => ({ name: text, pid }));
  }

  const parents = ['file', 'finally', 'immediate', 'job', 'tick', 'timer'];

  async function expectCleanFork(): Promise<void> {
    const calls = await withDirectory((directory) => whoCalledWhat(join(directory, 'calls')));
    const [own, foreign] = [true, false].map((mine) =>
      calls.filter(({ pid }) => (pid === posix.getpid()) === mine).map(({ name }) => name),
    );
    expect(foreign).toEqual(['target with a store']);
    expect(own!.sort()).toEqual(parents);
  }

  test('from a test', () => expectCleanFork());

  test('from a test after await', async () => {
    await sleep(1);
    await readFile(__filename);
    await expectCleanFork();
  });

  test('from a timeout of a test', async () => {
    await new Promise<void>((resolve, reject) => {
      setTimeout(() => void expectCleanFork().then(resolve, reject), 1);
    });
  });

  test('and the child has random numbers of its own', async () => {
    const draw = (file: string) => appendFileSync(file, `${Math.random()} ${posix.getpid()}\n`);
    const values = await withDirectory((directory) => {
      const file = join(directory, 'values');
      for (const name of ['one', 'two']) {
        const child = new Process({ name, target: draw, args: [file] });
        child.start();
        child.join(10);
        child.kill();
      }
      draw(file);
      return linesOf(readFileSync(file, 'utf8')).map(({ pid: value }) => value);
    });
    expect(new Set(values).size).toBe(3);
  });
});

test('A child of a parent with everything pending uses no CPU time while it waits', async () => {
  const { stdout } = await run('at-rest.js');
  const texts = linesOf(stdout).map(({ text }) => text);
  expect(namesAfter('exitcode', texts)).toEqual(['0']);
  expect(Number(namesAfter('used', texts)[0])).toBeLessThan(150);
});

describe('What a fork duplicates is not equal in the child:', () => {
  test('process.pid, by which a child that kills itself kills itself', async () => {
    const ended = await runSource(`
      const { posix, Process } = require('multiproc');
      const parent = posix.getpid();
      function inspect() {
        if (process.pid !== posix.getpid() || process.pid === parent) process.exit(1);
        if (process.ppid !== parent) process.exit(2);
        process.kill(process.pid, 'SIGKILL');
      }
      const child = new Process({ target: inspect });
      child.start();
      child.join();
      console.log(child.exitcode, process.pid === parent);
    `);
    expect(ended).toMatchObject({ code: 0, stdout: '-9 true\n' });
  });

  test('process.pid as a named import of an ES module', async () => {
    const ended = await runSource(
      `
        import { pid } from 'node:process';
        import { posix, Process } from 'multiproc';
        const child = new Process({ target: () => process.exit(pid === posix.getpid() ? 0 : 1) });
        child.start();
        child.join();
        console.log(child.exitcode, pid === posix.getpid());
      `,
      { nodeArgs: ['--input-type=module'] },
    );
    expect(ended).toMatchObject({ code: 0, stdout: '0 true\n' });
  });

  describe.each(['fresh', 'used'])('random values, from %s generators:', (state) => {
    const values = new Map<string, string[]>();

    beforeAll(async () => {
      const ended = await run('random.js', state);
      expectCleanEnd(ended);
      for (const line of ended.stdout.trimEnd().split('\n')) {
        const [value, ...words] = line.split(' ');
        const source = words.join(' ');
        values.set(source, [...(values.get(source) ?? []), value!]);
      }
    });

    test.each([
      'Math.random',
      'randomUUID',
      'randomUUID without its cache',
      'crypto.randomUUID of the Web',
      'randomInt',
      'randomInt of the module',
      'randomInt with a callback',
      'randomBytes',
      'randomFillSync',
      'getRandomValues',
      'getRandomValues of the Web',
    ])('%s differs in parent, children and grandchild', (source) => {
      const drawn = values.get(source)!;
      // Three children, a grandchild and the parent, five each; a used parent has drawn before.
      expect(drawn).toHaveLength(state === 'used' ? 30 : 25);
      expect(new Set(drawn).size).toBe(drawn.length);
    });
  });

  // Nothing reaches the state of V8's own function: README, Limits.
  test("a limit: V8's Math.random, taken before the fork, draws the same in every child", async () => {
    const { stdout } = await runSource(`
      const { random } = Math;
      random();
      const { Process } = require('multiproc');
      for (let i = 0; i < 2; i++) {
        const child = new Process({ target: () => console.log(random()) });
        child.start();
        child.join();
      }
    `);
    const [first, second] = stdout.split('\n');
    expect(first).toMatch(/^0\.\d+/);
    expect(second).toBe(first);
  });

  test('random values stay apart when the caches of several fills are used up', async () => {
    const ended = await runSource(`
      const { randomInt, randomUUID } = require('node:crypto');
      const { Process } = require('multiproc');
      const draw = () => {
        const values = [];
        for (let i = 0; i < 3000; i++) values.push(randomInt(2 ** 48 - 1), randomUUID());
        console.log(values.join('\\n'));
      };
      for (let i = 0; i < 2; i++) {
        const child = new Process({ target: draw });
        child.start();
        child.join();
      }
      draw();
    `);
    expectCleanEnd(ended);
    const values = ended.stdout.trimEnd().split('\n');
    expect(values).toHaveLength(18_000);
    expect(new Set(values).size).toBe(18_000);
  });

  test('Math.random is evenly spread over [0, 1) in a child and in a grandchild', async () => {
    const ended = await runSource(`
      const { Process } = require('multiproc');
      function draw() {
        const tenths = Array(10).fill(0);
        let strange = 0;
        for (let i = 0; i < 20000; i++) {
          const value = Math.random();
          if (typeof value !== 'number' || !(value >= 0 && value < 1)) strange++;
          tenths[Math.floor(value * 10)]++;
        }
        console.log(JSON.stringify({ strange, tenths }));
      }
      function inChild(target) {
        const child = new Process({ target });
        child.start();
        child.join();
      }
      inChild(() => {
        draw();
        inChild(draw);
      });
    `);
    expectCleanEnd(ended);
    const spreads = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(spreads).toHaveLength(2);
    for (const { strange, tenths } of spreads) {
      expect(strange).toBe(0);
      // 2000 are expected in each, with a standard deviation of 42.
      expect(Math.min(...tenths)).toBeGreaterThan(1700);
      expect(Math.max(...tenths)).toBeLessThan(2300);
    }
  });

  test('the set of active children, and the numbers of children', async () => {
    const ended = await runSource(`
      const { activeChildren, Process } = require('multiproc');
      const sibling = new Process({ target: () => new Promise(() => {}) });
      sibling.start();
      const child = new Process({
        target() {
          const children = [activeChildren().length];
          const grandchild = new Process({ target: () => new Promise(() => {}) });
          grandchild.start();
          children.push(activeChildren().length);
          grandchild.kill();
          grandchild.join();
          children.push(activeChildren().length);
          let refused;
          try {
            sibling.join();
          } catch (error) {
            refused = error.message;
          }
          console.log(JSON.stringify([children, grandchild.name, refused]));
        },
      });
      child.start();
      child.join();
      console.log(JSON.stringify([activeChildren().map(({ name }) => name), new Process().name]));
      sibling.kill();
    `);
    expectCleanEnd(ended);
    const [child, parent] = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(child).toEqual([[0, 1, 0], 'Process-2:1', 'can only join a child process']);
    expect(parent).toEqual([['Process-1'], 'Process-3']);
  });
});

describe('What a fork duplicates is not active in the child:', () => {
  test('sockets, servers, watchers and child processes; in the parent they live on', async () => {
    const ended = await run('handles.js');
    expectCleanEnd(ended);
    const processes = textsByProcess(ended.stdout);
    expect(processes).toHaveLength(1);
    const seen = (text: string) => processes[0]!.filter((each) => each === text).length;
    expect(seen('exitcode 0')).toBe(1);
    expect(seen('connection')).toBe(2);
    for (const text of ['one', 'two', 'from the child', 'three']) {
      expect([text, seen(`server ${text}`)]).toEqual([text, 1]);
    }
    expect(seen('client pong')).toBe(3);
    expect([seen('cat two'), seen('cat three'), seen('exit of cat')]).toEqual([1, 1, 1]);
    expect([seen('udp from the child'), seen('udp three')]).toEqual([1, 1]);
    expect(seen('watch')).toBeGreaterThanOrEqual(2);
    expect(seen('watchFile')).toBeGreaterThanOrEqual(2);
  });

  test('the IPC channel; in the parent it lives on', async () => {
    const ended = await run('channel.js');
    expectCleanEnd(ended);
    const [child, launched, launcher] = textsByProcess(ended.stdout);
    expect(child).toEqual(['child has undefined, false, undefined']);
    expect(launched).toEqual(['exitcode 0', 'disconnected']);
    expect(launcher).toEqual([
      'got answer to one',
      'got answer to two',
      'launched program ended with 0',
    ]);
  });

  test('listeners; those that the child registers work', async () => {
    const ended = await run('listeners.js');
    expect(ended).toMatchObject({ code: 0, signal: null });
    const [parent, ...children] = textsByProcess(ended.stdout).sort((a, b) => b.length - a.length);
    expect(children.flat().sort()).toEqual([
      "child's listener: exit 4",
      "child's listener: handled",
      'inherited: 0',
    ]);
    expect(parent!.filter((text) => text !== "parent's listener")).toEqual([
      'returns 0',
      'exits 3',
      'throws 1',
      'leavesRejection 1',
      'leavesException 1',
      'countsListeners 0',
      'listens 4',
    ]);
    // The parent's own end.
    expect(parent).toContain("parent's listener");
  });

  test('signal listeners: a child that blocks ends by the signal, one that listens hears it', async () => {
    const ended = await run('signals.js');
    expectCleanEnd(ended);
    const numbers = { SIGTERM: 15, SIGINT: 2, SIGHUP: 1, SIGUSR2: 12, SIGALRM: 14 };
    const signals = Object.keys(numbers);
    const lines = textsByProcess(ended.stdout);
    const [parent, ...children] = lines;
    expect(children).toEqual(signals.map((signal) => [`heard ${signal}`]));
    expect(parent).toEqual([
      ...Object.entries(numbers).map(([signal, number]) => `blocks ${signal} -${number}`),
      ...signals.map((signal) => `listens ${signal} 7`),
      ...signals.map((signal) => `parent's listener: ${signal}`),
    ]);
  });

  test('a callback taken for uncaught errors', async () => {
    const ended = await runSource(`
      const { Process } = require('multiproc');
      process.setUncaughtExceptionCaptureCallback(() => console.log('captured'));
      const child = new Process({
        target() {
          throw new Error('on purpose');
        },
      });
      child.start();
      child.join();
      console.log(child.exitcode);
      setImmediate(() => {
        throw new Error('for the parent');
      });
    `);
    expect(ended).toMatchObject({ code: 0, stdout: '1\ncaptured\n' });
    expect(ended.stderr).toContain('Error: on purpose');
  });

  test.each(['idle', 'reading'])(
    'standard input, which is empty; the parent is %s',
    async (moment) => {
      const ended = await run('stdin.js', moment);
      expectCleanEnd(ended);
      const [child, parent] = textsByProcess(ended.stdout);
      expect(child).toEqual(["child's fd: ''", "child's stream: ''"]);
      expect(parent).toEqual(['exitcode 0', "parent's stream: 'for the parent'"]);
    },
  );

  test('unsettled writes, which happen once', async () => {
    const ended = await run('writes.js');
    expect(ended).toMatchObject({ code: 0, stderr: 'stderr once\n' });
    expect(ended.stdout.trimEnd().split('\n').sort()).toEqual([
      'child',
      'exitcode 0',
      'file "once\\n"',
      'socket true',
      'stdout once',
    ]);
  });

  test('timers, until the child starts them again', async () => {
    const ended = await run('inherited-timers.js');
    expectCleanEnd(ended);
    const [child, parent] = textsByProcess(ended.stdout);
    expect(child!.sort()).toEqual([
      'refreshed at once',
      'refreshed twice',
      'refreshed twice',
      'refreshed when overdue',
    ]);
    expect(parent!.sort()).toEqual([
      'exitcode 0',
      'refreshed at once',
      'refreshed twice',
      'refreshed when overdue',
      'untouched',
    ]);
  });

  test.each(['http.get', 'fetch'])('connections that %s keeps open', async (client) => {
    const ended = await run('requests.js', client);
    expectCleanEnd(ended);
    const [parent, child] = textsByProcess(ended.stdout);
    expect(child).toEqual(['answer to /child', 'answer to /child-again']);
    expect(parent).toContain('answer to /parent-again');
    expect(parent).toContain('answer to /under-way');
    expect(namesAfter('exitcode', parent!)).toEqual(['0']);
  });

  test('coverage: what a child runs is counted, however it ends', async () => {
    const counts = await withDirectory(async (directory) => {
      await runProgram('fork-clean/coverage.js', { env: { NODE_V8_COVERAGE: directory } });
      return callsByFunction(directory);
    });
    expect(counts).toMatchObject({
      inParent: 1,
      onlyInReturningChild: 1,
      onlyInExitingChild: 1,
      onlyInFailingChild: 1,
    });
  });
});

/** How often each function of coverage.js was called, in all processes together. */
function callsByFunction(directory: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const file of readdirSync(directory)) {
    const { result } = JSON.parse(readFileSync(join(directory, file), 'utf8'));
    const script = result.find(({ url }: { url: string }) => url.endsWith('/coverage.js'));
    for (const { functionName, ranges } of script.functions) {
      counts[functionName] = (counts[functionName] ?? 0) + Number(ranges[0].count);
    }
  }
  return counts;
}

describe('registerAtFork()', () => {
  test('calls before in reverse order, parent and child in order; children inherit hooks', async () => {
    const ended = await run('hooks.js');
    expectCleanEnd(ended);
    const [parent, child, grandchild] = textsByProcess(ended.stdout).map((texts) =>
      texts.map((text) => text.replace(/^\w+: /, '')),
    );
    expect(parent).toEqual(['before 2', 'before 1', 'parent 1', 'parent 2', 'exitcode 0']);
    expect(child).toEqual([
      'child 1',
      'child 2',
      'target',
      'before 3',
      'before 2',
      'before 1',
      'parent 1',
      'parent 2',
      'exitcode 0',
    ]);
    expect(grandchild).toEqual(['child 1', 'child 2', 'target']);
  });

  test.each([
    ['no hook', {}],
    ['a hook that is not a function', { before: 1 }],
    ['null for a hook', { child: null }],
    ['one good and one bad hook', { before: () => {}, parent: 'parent' }],
    ['nothing', undefined],
    ['null', null],
  ])('throws a TypeError for %s', (_what, hooks) => {
    expect(() => registerAtFork(hooks as never)).toThrow(
      // Jest's modules have a TypeError of their own.
      expect.objectContaining({ name: 'TypeError' }),
    );
  });

  test('an error in before ends start() with nothing forked; it can be started later', async () => {
    const ended = await runSource(`
      const { readFileSync } = require('node:fs');
      const { activeChildren, Process, registerAtFork } = require('multiproc');
      const called = [];
      let failing = true;
      registerAtFork({ before: () => called.push('not reached, or later') });
      registerAtFork({
        before() {
          if (failing) throw new RangeError('on purpose');
        },
      });
      const child = new Process({ target: () => process.exit(5) });
      let thrown;
      try {
        child.start();
      } catch (error) {
        thrown = String(error);
      }
      const forked = readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8');
      const seen = { thrown, forked, pid: child.pid, active: activeChildren().length, called: [...called] };
      failing = false;
      child.start();
      child.join();
      console.log(JSON.stringify({ ...seen, exitcode: child.exitcode }));
    `);
    expectCleanEnd(ended);
    expect(JSON.parse(ended.stdout)).toEqual({
      thrown: 'RangeError: on purpose',
      forked: '',
      pid: null,
      active: 0,
      called: [],
      exitcode: 5,
    });
  });

  test('parent is called also when the fork fails', async () => {
    const ended = await run('fork-fails.js');
    expectCleanEnd(ended);
    expect(JSON.parse(ended.stdout)).toEqual({
      name: 'BlockingIOError',
      code: 'EAGAIN',
      called: ['before', 'parent'],
    });
  });

  test('child runs in the AsyncLocalStorage context of start(), and process is the child there', async () => {
    const ended = await runSource(`
      const { AsyncLocalStorage } = require('node:async_hooks');
      const { posix, Process, registerAtFork } = require('multiproc');
      const storage = new AsyncLocalStorage();
      registerAtFork({
        child: () => console.log(storage.getStore(), process.pid === posix.getpid()),
      });
      storage.run('a store', () => new Process().start());
    `);
    expect(ended).toMatchObject({ code: 0, stdout: 'a store true\n', stderr: '' });
  });
});

/** The Process API, in children of Jest's own process. */

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import * as multiproc from 'multiproc';
import {
  activeChildren,
  cpuCount,
  currentProcess,
  freezeSupport,
  parentProcess,
  posix,
  Process,
} from 'multiproc';

import {
  errorOf,
  exitcodeOf,
  expectNoChildren,
  forever,
  inChild,
  patience,
  rejectionOf,
  startedForever,
  temporaryDirectory,
} from './lib/child';
import { until } from './lib/run';

let directory: string;

beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});
afterEach(expectNoChildren);

/** The arguments that the child's target gets, by way of a file. */
function argumentsInChild(make: (target: (...args: unknown[]) => void) => Process): unknown {
  const file = join(directory, 'arguments');
  const child = make((...args) => {
    writeFileSync(file, JSON.stringify(args));
  });
  expect(exitcodeOf(child)).toBe(0);
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** What `/proc` says of a process: `R` runs, `S` sleeps, `Z` is a zombie; undefined if it is gone. */
function stateOf(pid: number): string | undefined {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined;
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .charAt(0);
}

/** Its main thread is one a little before all of it has ended. */
function isZombie(pid: number): boolean {
  return stateOf(pid) === 'Z' && readdirSync(`/proc/${pid}/task`).length === 1;
}

describe('constructor', () => {
  test('options: target, args, kwargs as the last argument, name, daemon', () => {
    let child!: Process;
    const args = argumentsInChild((target) => {
      child = new Process({
        group: null,
        target,
        args: [1, 'two'],
        kwargs: { three: 3 },
        name: 'Bob',
        daemon: true,
      });
      return child;
    });
    expect(args).toEqual([1, 'two', { three: 3 }]);
    expect([child.name, child.daemon]).toEqual(['Bob', true]);
  });

  test("positional arguments in Python's order", () => {
    let child!: Process;
    const args = argumentsInChild((target) => {
      child = new Process(null, target, 'Carol', [1], { two: 2 }, { daemon: true });
      return child;
    });
    expect(args).toEqual([1, { two: 2 }]);
    expect([child.name, child.daemon]).toEqual(['Carol', true]);
  });

  test.each([
    ['a list', [1, 'text', [true, null], { a: 1 }]],
    ['another iterable', new Set([1, 2])],
    ['nothing', []],
  ])('C003 args may be %s: the child gets equal values', (_, args: Iterable<unknown>) => {
    expect(argumentsInChild((target) => new Process({ target, args }))).toEqual([...args]);
  });

  test('args and kwargs are taken when the object is made', () => {
    const args = [1];
    const kwargs = { a: 1 };
    const received = argumentsInChild((target) => {
      const child = new Process({ target, args, kwargs });
      args.push(2);
      kwargs.a = 2;
      return child;
    });
    expect(received).toEqual([1, { a: 1 }]);
  });

  test('without a target the child does nothing', () => {
    expect(exitcodeOf(new Process())).toBe(0);
    expect(exitcodeOf(new Process({ target: null, kwargs: null, name: null, daemon: null }))).toBe(
      0,
    );
  });

  test('the default name is the class and the number', () => {
    class Worker extends Process {}
    const [first, second] = [new Process(), new Worker()].map(({ name }) => name.split('-'));
    expect([first![0], second![0]]).toEqual(['Process', 'Worker']);
    expect(Number(second![1])).toBe(Number(first![1]) + 1);
  });

  test.each<[string, unknown[], string]>([
    ['group', [{ group: 1 }], 'AssertionError: group argument must be None for now'],
    ['positional group', [1], 'AssertionError: group argument must be None for now'],
    ['name', [{ name: 1 }], 'AssertionError: name must be a string'],
    [
      'target',
      [{ target: 1 }],
      'TypeError: Expected a function for target but received 1 of type number',
    ],
    [
      'args that is not iterable',
      [{ args: 5 }],
      'TypeError: Expected an iterable for args but received 5 of type number',
    ],
    [
      'args null',
      [{ args: null }],
      'TypeError: Expected an iterable for args but received null of type object',
    ],
    [
      'positional args that is not iterable',
      [null, null, null, {}],
      'TypeError: Expected an iterable for args but received [object Object] of type object',
    ],
    [
      'an option that does not exist',
      [{ arg: [] }],
      "TypeError: Process() got an unexpected option 'arg': " +
        'it takes group, target, name, args, kwargs, daemon',
    ],
  ])('bad input: %s', (_, given, error) => {
    expect(errorOf(() => new (Process as any)(...given))).toBe(error);
  });

  test.each(['deamon', 'name'])('bad input: the option %s after positional arguments', (name) => {
    const make = (): Process => new (Process as any)(null, null, 'a', [], null, { [name]: 'b' });
    expect(errorOf(make)).toMatch(`TypeError: Process() got an unexpected option '${name}'`);
  });
});

describe('subclass', () => {
  class Writer extends Process {
    constructor(
      readonly file: string,
      readonly text: string,
    ) {
      super({ name: 'writer' });
    }
    override run(): unknown {
      this.write();
      return undefined;
    }
    write(): void {
      writeFileSync(this.file, `${this.text} by ${currentProcess().name}`);
    }
  }
  class AsyncWriter extends Writer {
    override async run(): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 1));
      this.write();
    }
  }

  test.each([
    ['run()', Writer],
    ['an async run()', AsyncWriter],
  ])('%s overrides what the child does', (_, Class) => {
    const file = join(directory, 'subclass');
    rmSync(file, { force: true });
    const child = new Class(file, 'written');
    expect(exitcodeOf(child)).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('written by writer');
    expect(inspect(child)).toBe(
      `<${Class.name} name='writer' pid=${child.pid} parent=${process.pid} stopped exitcode=0>`,
    );
  });

  test('run() can be called without a process: it calls the target here', () => {
    expect(new Process({ target: (a, b) => [a, b, process.pid], args: [1, 2] }).run()).toEqual([
      1,
      2,
      process.pid,
    ]);
  });

  class Upcaser extends Process {
    readonly requests = makeFifo('requests');
    readonly answers = makeFifo('answers');
    override async run(): Promise<void> {
      for (;;) {
        const line = await readLine(this.requests);
        if (line === 'stop') return;
        writeSync(this.answers, `${line.toUpperCase()}\n`);
      }
    }
    ask(question: string): Promise<string> {
      writeSync(this.requests, `${question}\n`);
      return readLine(this.answers);
    }
    async stop(): Promise<void> {
      writeSync(this.requests, 'stop\n');
      await this.joinAsync(patience);
      closeSync(this.requests);
      closeSync(this.answers);
    }
  }

  test('C034 a subclass with pipes made in its constructor is talked to and stopped', async () => {
    const upcaser = new Upcaser();
    upcaser.start();
    expect(upcaser.isAlive()).toBe(true);
    expect(await upcaser.ask('hello')).toBe('HELLO');
    expect(await upcaser.ask('world')).toBe('WORLD');
    await upcaser.stop();
    expect(upcaser.exitcode).toBe(0);
  });

  function makeFifo(name: string): number {
    const path = join(directory, name);
    execFileSync('mkfifo', [path]);
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  }

  async function readLine(fd: number): Promise<string> {
    let line = '';
    await until(() => {
      line += readAvailable(fd);
      return line.endsWith('\n');
    });
    return line.trimEnd();
  }

  function readAvailable(fd: number): string {
    const bytes = Buffer.alloc(100);
    try {
      return bytes.toString('utf8', 0, readSync(fd, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
      throw error;
    }
  }
});

describe('life', () => {
  test('C001 the current process is alive, not daemonic, has a key and its own pid', () => {
    const current = currentProcess();
    expect(current.name).toBe('MainProcess');
    expect(current.isAlive()).toBe(true);
    expect(current.daemon).toBe(false);
    expect(Buffer.isBuffer(current.authkey)).toBe(true);
    expect(current.authkey.length).toBe(32);
    expect([current.ident, current.pid]).toEqual([process.pid, process.pid]);
    expect(current.exitcode).toBeNull();
  });

  test('C001 the same in a child', () => {
    const seen = inChild(() => {
      const current = currentProcess();
      const { daemon, exitcode, ident, pid } = current;
      const alive = current.isAlive();
      return { daemon, exitcode, alive, same: ident === pid && pid === posix.getpid() };
    });
    expect(seen).toEqual({ daemon: false, exitcode: null, alive: true, same: true });
  });

  test('C005 parentProcess() is null in the main process, the pid and name of the parent in a child', () => {
    expect(parentProcess()).toBeNull();
    const seen = inChild(() => {
      const { name, pid, ident } = parentProcess()!;
      return { name, pid, ident, getppid: posix.getppid(), shown: inspect(parentProcess()) };
    });
    const { pid } = process;
    expect(seen).toMatchObject({ name: 'MainProcess', pid, ident: pid, getppid: pid });
    expect(seen.shown).toMatch(/^<ParentProcess name='MainProcess' /);
  });

  test('C007 before start: not alive, no exit code, not active, daemon can be set', () => {
    const child = new Process({ target: forever });
    expect(child.isAlive()).toBe(false);
    expect([child.exitcode, child.pid, child.ident]).toEqual([null, null, null]);
    expect(child.authkey).toEqual(currentProcess().authkey);
    expect(Array.isArray(activeChildren())).toBe(true);
    expect(activeChildren()).not.toContain(child);
    child.daemon = true;
    expect(child.daemon).toBe(true);
  });

  test('C008 after start: alive, active, with a pid, and daemon cannot be set', () => {
    const child = startedForever();
    expect(child.isAlive()).toBe(true);
    expect(activeChildren()).toContain(child);
    expect(child.pid).toBe(child.ident);
    expect(stateOf(child.pid!)).toMatch(/[RSD]/);
    expect(child.exitcode).toBeNull();
    const error = 'AssertionError: process has already started';
    expect(errorOf(() => (child.daemon = true))).toBe(error);
    child.kill();
    child.join(patience);
    expect(errorOf(() => (child.daemon = true))).toBe(error);
  });

  test('C009 after join: exit code 0, not alive, not active; joining twice is fine', () => {
    const child = new Process();
    child.start();
    child.join();
    child.join();
    expect(child.exitcode).toBe(0);
    expect(child.isAlive()).toBe(false);
    expect(activeChildren()).not.toContain(child);
    expect(stateOf(child.pid!)).toBeUndefined();
  });

  test("C010 the child's main thread has an id of its own", () => {
    const thread = (): string => readlinkSync('/proc/thread-self');
    const [pid, seen] = inChild(() => [process.pid, thread()]);
    expect(seen).toBe(`${pid}/task/${pid}`);
    expect(seen).not.toBe(thread());
  });

  test('C018 a process is active only after start and until it is joined', () => {
    const before = activeChildren();
    const child = new Process({ target: forever });
    expect(activeChildren()).toEqual(before);
    child.start();
    expect(activeChildren()).toEqual([...before, child]);
    child.terminate();
    child.join(patience);
    expect(activeChildren()).toEqual(before);
  });

  test('activeChildren() reaps the children that have ended', async () => {
    const child = new Process();
    child.start();
    await until(() => isZombie(child.pid!));
    expect(activeChildren()).toEqual([]);
    expect(stateOf(child.pid!)).toBeUndefined();
    expect(child.exitcode).toBe(0);
  });

  test('start() reaps the children that have ended', async () => {
    const first = new Process();
    first.start();
    await until(() => isZombie(first.pid!));
    expect(exitcodeOf(new Process())).toBe(0);
    expect(stateOf(first.pid!)).toBeUndefined();
  });

  test('C017 cpuCount() is the number of CPUs', () => {
    expect(cpuCount()).toBeGreaterThanOrEqual(1);
    expect(cpuCount()).toBe(cpus().length);
  });

  test('freezeSupport() does nothing', () => {
    expect(errorOf(freezeSupport)).toBeUndefined();
  });

  test('C023 100 children in a row all exit 0', () => {
    const children = Array.from({ length: 100 }, () => new Process());
    for (const child of children) child.start();
    for (const child of children) child.join(patience);
    expect(children.map(({ exitcode }) => exitcode)).toEqual(Array(100).fill(0));
  });
});

describe('signals', () => {
  test.each([
    ['C011 interrupt()', 'interrupt', -2],
    ['C013 terminate()', 'terminate', -15],
    ['C014 kill()', 'kill', -9],
  ] as const)('%s ends the child', (_, method, exitcode) => {
    const child = startedForever();
    child[method]();
    child.join(patience);
    expect(child.exitcode).toBe(exitcode);
    expect(activeChildren()).not.toContain(child);
    // Once it has ended there is nobody to send a signal to.
    child[method]();
    expect(child.exitcode).toBe(exitcode);
  });

  test('terminate() ends a child that blocks its event loop', async () => {
    const file = join(directory, 'blocked');
    const child = new Process({
      target() {
        writeFileSync(file, '');
        for (;;);
      },
    });
    child.start();
    await until(() => existsSync(file));
    child.terminate();
    child.join(patience);
    expect(child.exitcode).toBe(-15);
  });

  test('a zombie that is not yet reaped takes a signal without an error', async () => {
    const child = new Process();
    child.start();
    await until(() => isZombie(child.pid!));
    child.terminate();
    child.join(patience);
    expect(child.exitcode).toBe(0);
  });
});

describe('join', () => {
  test('C015 join(0), join(-1) and a short timeout return while the child runs', async () => {
    const child = startedForever();
    for (const timeout of [0, -1, 0.01]) {
      child.join(timeout);
      await child.joinAsync(timeout);
    }
    expect(child.isAlive()).toBe(true);
    expect(child.exitcode).toBeNull();
    child.kill();
    child.join(patience);
  });

  test('joinAsync() leaves the event loop free, for several waits at once', async () => {
    const child = startedForever();
    const waits = [child.joinAsync(), child.joinAsync(null), child.joinAsync(patience)];
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
      if (turns === 3) child.terminate();
    }, 1);
    expect(await Promise.all(waits)).toEqual([undefined, undefined, undefined]);
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(child.exitcode).toBe(-15);
    expect(activeChildren()).not.toContain(child);
    await child.joinAsync();
  });

  test('a wait whose time is over does not end the others', async () => {
    const child = startedForever();
    let ended = false;
    const wait = child.joinAsync().then(() => (ended = true));
    await child.joinAsync(0.01);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    child.kill();
    await wait;
    expect(child.exitcode).toBe(-9);
  });

  test('bad input: a timeout that is not a number', async () => {
    const child = startedForever();
    const error = (shown: string): string =>
      `TypeError: Expected a number of seconds or null for timeout but received ${shown}`;
    expect(errorOf(() => child.join('1' as any))).toBe(error("'1' of type string"));
    expect(errorOf(() => child.join(NaN))).toBe(error('NaN of type number'));
    expect(await rejectionOf(child.joinAsync({} as any))).toBe(
      error('[object Object] of type object'),
    );
    child.kill();
    child.join(Infinity);
  });
});

describe('close', () => {
  const closed = 'ValueError: process object is closed';

  test('C021 a running process cannot be closed, one that has ended can, twice too', () => {
    const child = startedForever();
    expect(errorOf(() => child.close())).toBe(
      'ValueError: Cannot close a process while it is still running. ' +
        'You should first call join() or terminate().',
    );
    expect(child.isAlive()).toBe(true);
    child.kill();
    child.join(patience);
    child.close();
    expect(errorOf(() => child.close())).toBeUndefined();
  });

  test.each(['started and ended', 'never started'])(
    'C021 everything is an error after close(), except name, daemon, authkey and inspect: %s',
    async (history) => {
      const child = new Process({ name: 'closed' });
      if (history === 'started and ended') exitcodeOf(child);
      child.close();
      for (const method of [
        'start',
        'join',
        'isAlive',
        'terminate',
        'kill',
        'interrupt',
      ] as const) {
        expect([method, errorOf(() => child[method]())]).toEqual([method, closed]);
      }
      for (const property of ['exitcode', 'pid', 'ident', 'sentinel'] as const) {
        expect([property, errorOf(() => child[property])]).toEqual([property, closed]);
      }
      expect(await rejectionOf(child.joinAsync())).toBe(closed);
      expect([child.name, child.daemon]).toEqual(['closed', false]);
      expect(child.authkey).toEqual(currentProcess().authkey);
      expect(inspect(child)).toBe(`<Process name='closed' parent=${process.pid} closed>`);
    },
  );

  test('close() reaps a child that has ended', async () => {
    const child = new Process();
    child.start();
    const pid = child.pid!;
    await until(() => isZombie(pid));
    child.close();
    expect(stateOf(pid)).toBeUndefined();
    expect(activeChildren()).not.toContain(child);
  });
});

describe('properties', () => {
  test('name can be changed, also to one that another process has', () => {
    const child = new Process({ name: 'first' });
    child.name = currentProcess().name;
    expect(child.name).toBe('MainProcess');
    expect(errorOf(() => (child.name = 5 as any))).toBe('AssertionError: name must be a string');
    expect(child.name).toBe('MainProcess');
  });

  test('the name is what ps shows for the child', async () => {
    const child = new Process({ target: forever, name: 'ps-shows-this' });
    child.start();
    const shown = (): string =>
      execFileSync('ps', ['-o', 'comm=', '-p', String(child.pid)], { encoding: 'utf8' }).trim();
    await until(() => shown() === 'ps-shows-this');
    child.kill();
    child.join(patience);
  });

  test('daemon is inherited', () => {
    expect(inChild(() => new Process().daemon)).toBe(false);
    expect(inChild(() => new Process().daemon, { daemon: true })).toBe(true);
    expect(inChild(() => new Process({ daemon: false }).daemon, { daemon: true })).toBe(false);
    expect(inChild(() => currentProcess().daemon, { daemon: true })).toBe(true);
  });

  test('authkey is inherited, can be set, and takes bytes only', () => {
    const child = new Process();
    child.authkey = Buffer.from('secret');
    expect(child.authkey.toString()).toBe('secret');
    expect(currentProcess().authkey.toString()).not.toBe('secret');
    expect(errorOf(() => ((child as any).authkey = 'text'))).toBe(
      "TypeError: Expected bytes for authkey but received 'text' of type string",
    );
    const inherited = inChild(() => {
      const here = currentProcess().authkey.toString('hex');
      currentProcess().authkey = Buffer.from('changed');
      return [here, new Process().authkey.toString()];
    });
    expect(inherited).toEqual([currentProcess().authkey.toString('hex'), 'changed']);
  });

  test('sentinel is an error before start()', () => {
    expect(errorOf(() => new Process().sentinel)).toBe('ValueError: process not started');
  });

  test('the pid of a process can be read in any process, its exit code only by its parent', () => {
    const other = startedForever();
    const seen = inChild(() => [other.pid, other.exitcode]);
    expect(seen).toEqual([other.pid, null]);
    other.kill();
    other.join(patience);
  });
});

describe('inspect', () => {
  const parent = process.pid;

  test('the main process', () => {
    const shown = "<MainProcess name='MainProcess' parent=None started>";
    expect(inspect(currentProcess())).toBe(shown);
    expect(String(currentProcess())).toBe(shown);
  });

  test('initial, started, stopped by a signal, closed', () => {
    const child = new Process({ target: forever, name: 'N' });
    expect(inspect(child)).toBe(`<Process name='N' parent=${parent} initial>`);
    child.start();
    const { pid } = child;
    expect(inspect(child)).toBe(`<Process name='N' pid=${pid} parent=${parent} started>`);
    child.kill();
    child.join(patience);
    const stopped = `<Process name='N' pid=${pid} parent=${parent} stopped exitcode=-SIGKILL>`;
    expect(inspect(child)).toBe(stopped);
    expect(String(child)).toBe(stopped);
    child.close();
    expect(inspect(child)).toBe(`<Process name='N' parent=${parent} closed>`);
  });

  test.each([
    [0, '0'],
    [7, '7'],
  ])('stopped with exit code %i', (code, shown) => {
    const child = new Process({ target: () => posix.exit(code), name: 'N' });
    exitcodeOf(child);
    expect(inspect(child)).toBe(
      `<Process name='N' pid=${child.pid} parent=${parent} stopped exitcode=${shown}>`,
    );
  });

  test('a daemonic one', () => {
    const child = new Process({ name: 'N', daemon: true });
    expect(inspect(child)).toBe(`<Process name='N' parent=${parent} initial daemon>`);
    exitcodeOf(child);
    expect(inspect(child)).toBe(
      `<Process name='N' pid=${child.pid} parent=${parent} stopped exitcode=0 daemon>`,
    );
  });

  test('seen from inside: started; from a process that did not make it: unknown', () => {
    const other = startedForever();
    other.name = 'other';
    const seen = inChild(() => [inspect(currentProcess()), process.pid, inspect(other)]);
    expect(seen[0]).toMatch(/^<Process name='Process-\d+' .*parent=\d+ started>$/);
    expect(seen[2]).toBe(`<Process name='other' pid=${other.pid} parent=${parent} unknown>`);
    other.kill();
    other.join(patience);
  });
});

describe('bad input', () => {
  test('start twice', () => {
    const error = 'AssertionError: cannot start a process twice';
    const child = startedForever();
    expect(errorOf(() => child.start())).toBe(error);
    expect(activeChildren()).toEqual([child]);
    child.kill();
    child.join(patience);
    expect(errorOf(() => child.start())).toBe(error);
  });

  test('join and signals before start', async () => {
    const child = new Process();
    const error = 'AssertionError: can only join a started process';
    expect(errorOf(() => child.join())).toBe(error);
    expect(await rejectionOf(child.joinAsync(0))).toBe(error);
    for (const method of ['terminate', 'kill', 'interrupt'] as const) {
      expect(errorOf(() => child[method]())).toBe('ValueError: process not started');
    }
  });

  test('the main process can be neither started nor joined', () => {
    const main = currentProcess();
    expect(errorOf(() => main.start())).toBe(
      'AssertionError: can only start a process object created by current process',
    );
    expect(errorOf(() => main.join())).toBe('AssertionError: can only join a child process');
  });

  test('start, join, isAlive of a process that another process made', () => {
    const unstarted = new Process();
    const running = startedForever();
    const seen = inChild(() => [
      errorOf(() => unstarted.start()) ?? 'started',
      errorOf(() => running.join()) ?? 'joined',
      errorOf(() => running.isAlive()) ?? 'tested',
      activeChildren().length,
    ]);
    expect(seen).toEqual([
      'AssertionError: can only start a process object created by current process',
      'AssertionError: can only join a child process',
      'AssertionError: can only test a child process',
      0,
    ]);
    running.kill();
    running.join(patience);
  });

  test('start in a daemonic process', () => {
    const start = (): unknown => [errorOf(() => new Process().start()), activeChildren().length];
    expect(inChild(start, { daemon: true })).toEqual([
      'AssertionError: daemonic processes are not allowed to have children',
      0,
    ]);
  });

  test("the errors are instances of the package's classes", () => {
    expect(() => new Process({ group: 1 as any })).toThrow(multiproc.AssertionError);
    expect(() => new Process().sentinel).toThrow(multiproc.ValueError);
    expect(() => new Process({ args: 1 as any })).toThrow(TypeError);
  });
});

describe('a child that somebody else has reaped', () => {
  async function reapedElsewhere(): Promise<Process> {
    const child = new Process();
    child.start();
    await until(() => posix.waitpid(child.pid!, posix.WNOHANG)[0] === child.pid);
    return child;
  }

  test('has ended, with the exit code 255', async () => {
    const child = await reapedElsewhere();
    expect(child.isAlive()).toBe(false);
    expect(child.exitcode).toBe(255);
    expect(activeChildren()).not.toContain(child);
    child.terminate();
  });

  test('can be joined, with or without a timeout or waiting on the event loop', async () => {
    (await reapedElsewhere()).join();
    (await reapedElsewhere()).join(patience);
    await (await reapedElsewhere()).joinAsync();
  });

  test('while joinAsync() waits for it', async () => {
    const child = startedForever();
    const wait = child.joinAsync();
    posix.kill(child.pid!, 'SIGKILL');
    posix.waitpid(child.pid!);
    await wait;
    expect(child.isAlive()).toBe(false);
  });

  test('can be closed', async () => {
    const child = await reapedElsewhere();
    child.close();
    expect(inspect(child)).toMatch(/ closed>$/);
  });

  test('a new child may be made of it: appending to one file, each once', async () => {
    const file = join(directory, 'appended');
    (await reapedElsewhere()).join();
    expect(exitcodeOf(new Process({ target: () => appendFileSync(file, 'x') }))).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('x');
  });
});

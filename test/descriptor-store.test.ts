/** Descriptors on their way from one process to another. */

import { closeSync, fstatSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { FileNotFoundError, Process } from 'multiproc';
import { deposit, withdraw } from 'multiproc/descriptor-store';
import { posix } from 'multiproc/native';

import { errorOf, exitcodeOf, expectNoChildren, inChild, temporaryDirectory } from './lib/child';
import { runSource } from './lib/run';

const gone =
  'FileNotFoundError: [Errno 2] the descriptors were taken already or the program that sent them ' +
  'has ended';

let directory: string;
const opened: number[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => {
  opened.splice(0).forEach((fd) => closeSync(fd));
  rmSync(directory, { recursive: true });
  expectNoChildren();
});

/** Closed after the test. */
function own(...fds: number[]): number[] {
  opened.push(...fds);
  return fds;
}

function open(name: string): number {
  return own(openSync(join(directory, name), 'w+'))[0]!;
}

/** Deposited by a process that has ended. */
function depositedByChild(name: string): Buffer {
  const key = inChild(() => {
    const fd = openSync(join(directory, name), 'w+');
    writeSync(fd, 'from a child');
    return [...deposit([fd])];
  });
  return Buffer.from(key as number[]);
}

test('what is taken is the same open file, in the same order', () => {
  const fds = [open('a'), open('b')];
  const key = deposit(fds);
  expect(key).toHaveLength(16);
  writeSync(fds[0]!, 'hello');
  const taken = own(...withdraw(key));
  const inodes = (each: number[]): number[] => each.map((fd) => fstatSync(fd).ino);
  expect(inodes(taken)).toEqual(inodes(fds));
  expect(taken).not.toEqual(fds);
  writeSync(taken[0]!, ', world');
  expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('hello, world');
});

test('it can be taken once', () => {
  const key = deposit([open('a')]);
  own(...withdraw(key));
  expect(errorOf(() => withdraw(key))).toBe(gone);
  expect(errorOf(() => withdraw(Buffer.alloc(16)))).toBe(gone);
  expect(new FileNotFoundError({ errno: 2, text: '', syscall: '' }).code).toBe('ENOENT');
});

test('from a parent to a child, closed in the parent meanwhile', () => {
  const fd = openSync(join(directory, 'a'), 'w+');
  const key = deposit([fd]);
  closeSync(fd);
  const target = (): void => {
    const [mine] = withdraw(key);
    writeSync(mine!, 'child');
  };
  expect(exitcodeOf(new Process({ target }))).toBe(0);
  expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('child');
});

test('from a child that has ended to its parent, and to another child', () => {
  const [fd] = own(...withdraw(depositedByChild('a')));
  const buffer = Buffer.alloc(20);
  expect(buffer.toString('latin1', 0, readSync(fd!, buffer, 0, 20, 0))).toBe('from a child');
  const key = depositedByChild('b');
  expect(inChild(() => fstatSync(withdraw(key)[0]!).size)).toBe(12);
});

test('a child that was forked before the program had a tracker', async () => {
  const { stdout, stderr } = await runSource(`
    const { Process, SharedMemory } = require('multiproc');
    const { existsSync, openSync, readFileSync, writeFileSync, writeSync } = require('node:fs');
    const { deposit, withdraw } = require('../dist/descriptor-store.js');
    const file = ${JSON.stringify(join(directory, 'note'))};
    const child = new Process({ target() {
      const sleep = new Int32Array(new SharedArrayBuffer(4));
      while (!existsSync(file) || readFileSync(file).length < 16) Atomics.wait(sleep, 0, 0, 2);
      writeSync(withdraw(readFileSync(file))[0], 'withdrawn');
    } });
    child.start();
    writeFileSync(file, deposit([1]));
    child.join();
  `);
  expect([stdout, stderr]).toEqual(['withdrawn', '']);
});

test('a child deposits that has ended when its parent first needs a tracker', async () => {
  const { stdout, stderr } = await runSource(`
    const { Process } = require('multiproc');
    const { readFileSync, writeFileSync, writeSync } = require('node:fs');
    const { deposit, withdraw } = require('../dist/descriptor-store.js');
    const file = ${JSON.stringify(join(directory, 'note'))};
    const child = new Process({ target: () => writeFileSync(file, deposit([1])) });
    child.start();
    child.join();
    writeSync(withdraw(readFileSync(file))[0], 'withdrawn');
  `);
  expect([stdout, stderr]).toEqual(['withdrawn', '']);
});

test('another program cannot take it, nor one without a tracker', async () => {
  const key = deposit([open('a')]);
  const { stdout } = await runSource(`
    const { deposit, withdraw } = require('../dist/descriptor-store.js');
    const key = Buffer.from('${key.toString('hex')}', 'hex');
    const attempt = () => { try { withdraw(key); } catch (error) { console.log(error.code); } };
    attempt();
    deposit([1]);
    attempt();
  `);
  expect(stdout).toBe('ENOENT\nENOENT\n');
  own(...withdraw(key));
});

test('they are close-on-exec', () => {
  const [fd] = own(...withdraw(deposit([open('a')])));
  const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!;
  expect(parseInt(flags, 8) & 0o2000000).toBe(0o2000000);
});

test('the tracker keeps no copy of what was taken', () => {
  const [mine, theirs] = posix.socketpair();
  own(mine);
  const key = deposit([theirs]);
  posix.close(theirs);
  const events = (): number => posix.poll(Int32Array.of(mine, posix.POLLIN), 0);
  expect(events()).toBe(0);
  const [taken] = withdraw(key);
  expect(events()).toBe(0);
  posix.close(taken!);
  // The end of the connection.
  expect(posix.poll(Int32Array.of(mine, posix.POLLIN), 10)).toBe(1);
});

test('none, 253, and too many', () => {
  expect(withdraw(deposit([]))).toEqual([]);
  const fd = open('a');
  const taken = own(...withdraw(deposit(Array<number>(253).fill(fd))));
  expect(new Set(taken).size).toBe(253);
  expect(errorOf(() => deposit(Array<number>(254).fill(fd)))).toBe(
    'ValueError: 254 descriptors are more than 253',
  );
});

test('wrong arguments', () => {
  expect(errorOf(() => deposit([-1]))).toBe('OSError: [Errno 9] Bad file descriptor');
  expect(errorOf(() => deposit([0.5]))).toMatch(/^TypeError: Expected an integer for fd/);
  expect(errorOf(() => withdraw(Buffer.alloc(3)))).toMatch(/^TypeError: Expected 16 bytes for key/);
  expect(errorOf(() => withdraw('key' as any))).toMatch(/^TypeError: Expected 16 bytes for key/);
});

test('no descriptor is left of failures and successes', () => {
  const count = (): number => require('node:fs').readdirSync('/proc/self/fd').length;
  const fd = open('a');
  deposit([fd]);
  const before = count();
  errorOf(() => deposit([-1]));
  errorOf(() => withdraw(Buffer.alloc(16)));
  withdraw(deposit([fd])).forEach((each) => closeSync(each));
  expect(count()).toBe(before);
});

/** How children end: exit codes, uncaught errors, output. */

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { temporaryDirectory } from './lib/child';
import { runProgram, runSource } from './lib/run';

describe('exit codes', () => {
  let exitcodes: Record<string, number | null>;
  beforeAll(async () => {
    const { stdout } = await runProgram('exit-codes.js');
    exitcodes = JSON.parse(stdout);
  });

  test.each([
    ['return', 0],
    ['async return', 0],
    ['a promise-like', 0],
    ['process.exit()', 0],
    ['process.exit(undefined)', 0],
    ['process.exit(null)', 0],
    ['process.exit(0)', 0],
    ['process.exit(8)', 8],
    ["process.exit('7')", 7],
    ['process.exit(300)', 44],
    ['process.exit(-1)', 255],
    // Where Python takes a truth value, Node throws: an uncaught error.
    ['process.exit(true)', 1],
    ['process.exit(false)', 1],
    ['process.exit(5) after await', 5],
    ['process.exit(6) in a timer', 6],
    ['process.exitCode = 3', 3],
    ['process.exitCode = 4 after await', 4],
    ['process.exitCode = 9, process.exit()', 9],
    ['process.exitCode in an exit listener', 11],
    ['process.reallyExit(12)', 12],
    ['posix.exit(13)', 13],
    ['SIGTERM', -15],
    ['SIGKILL', -9],
    ['SIGINT', -2],
    ['SIGUSR2', -12],
    ['a signal that is listened to', 14],
    ['an error that a listener handles', 1],
  ])('C037 %s: %i', (end, exitcode) => {
    expect(exitcodes[end]).toBe(exitcode);
  });

  test.each(['an interval left pending', 'a Worker left running'])(
    'C027 %s does not keep a child from ending',
    (end) => {
      expect(exitcodes[end]).toBe(0);
    },
  );

  test.each(['streams destroyed', 'streams replaced', 'descriptors closed'])(
    'C029 a child may break its standard streams: %s',
    (end) => {
      expect(exitcodes[end]).toBe(0);
    },
  );
});

describe('an error that nobody catches: `Process NAME:` and the stack on stderr, exit code 1', () => {
  let exitcodes: Record<string, string>;
  let reports: Record<string, string>;
  beforeAll(async () => {
    const { stdout, stderr } = await runProgram('uncaught.js');
    exitcodes = Object.fromEntries(stdout.split('\n').map((line) => line.split(' ')));
    const parts = stderr.split(/^Process (\S+):\n/m);
    expect(parts[0]).toBe('');
    const names = parts.filter((_, i) => i % 2 === 1);
    expect(names).toEqual(['throws', 'rejects', 'forgets', 'timer', 'text', 'caused', 'long']);
    reports = Object.fromEntries(names.map((name, i) => [name, parts[2 * i + 2]!]));
  });

  test.each([
    ['throws', /^Error: thrown\n {4}at failHere .*uncaught\.js/m],
    ['rejects', /^Error: rejected\n {4}at failHere .*uncaught\.js/m],
    ['forgets', /^Error: forgotten\n {4}at .*uncaught\.js/m],
    ['timer', /^Error: in a timer\n {4}at .*failHere .*uncaught\.js/m],
    ['text', /no error at all/],
    ['caused', /^TypeError: outer\n {4}at [^]*\[cause\]: RangeError: inner\n {6}at /m],
    // C035: complete, however long it is.
    ['long', /^Error: y{300000} the end\n {4}at failHere .*uncaught\.js/m],
  ])('C035 %s', (name, report) => {
    expect(exitcodes[name]).toBe('1');
    expect(reports[name]).toMatch(report);
  });
});

describe('output is complete and appears once, however the child ends', () => {
  const megabyte = 'x'.repeat(1 << 20);
  const children = [
    ['exit', 3],
    ['return', 0],
    ['kill', -9],
  ] as const;
  const written = children.map(
    ([how, code]) => `${how}: log\n${megabyte}\n${how}: last\nparent: ${how} ${code}\n`,
  );
  const stdout = `parent: before\n${written.join('')}`;
  const errors = children.map(([how]) => `${how}: error\n`);

  /** Not by toBe(), which would compare megabytes line by line for its message. */
  function expectSame(received: string, wanted: string): void {
    const short = (text: string): string => text.replace(/x+/g, (run) => `[${run.length} x]`);
    expect(short(received)).toBe(short(wanted));
  }

  test('on a pipe', async () => {
    const ended = await runProgram('output.js');
    expectSame(ended.stdout, stdout);
    expect(ended.stderr).toBe(errors.join(''));
    expect(ended.code).toBe(0);
  });

  test('on a file', async () => {
    const directory = temporaryDirectory();
    const [out, err] = ['out', 'err'].map((name) => join(directory, name)) as [string, string];
    const via = ['sh', '-c', 'exec "$@" > "$OUT" 2> "$ERR"', 'sh'];
    try {
      await runProgram('output.js', { via, env: { OUT: out, ERR: err } });
      expectSame(readFileSync(out, 'utf8'), stdout);
      expect(readFileSync(err, 'utf8')).toBe(errors.join(''));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('on a terminal', async () => {
    const via = ['python3', '-c', 'import pty, sys; pty.spawn(sys.argv[1:])'];
    const ended = await runProgram('output.js', { via });
    const lines = ended.stdout.replaceAll('\r\n', '\n');
    expectSame(lines, stdout.replace(/^(\w+): log\n/gm, '$1: log\n$1: error\n'));
  });

  test("what the parent's stream has yet to write is printed once, by the parent", async () => {
    const ended = await runProgram('unsettled-output.js');
    expect(JSON.parse(ended.stderr)).toEqual({ unsettled: true, exitcode: 0 });
    const count = (letter: string): number => ended.stdout.split(letter).length - 1;
    expect([count('p'), count('c'), count('P')]).toEqual([4 << 20, 1 << 20, 1]);
    expect(ended.stdout.length).toBe((5 << 20) + 1);
  });
});

test('C025 after start() the parent no longer holds the target and its arguments', async () => {
  const source = `
    const { Process } = require('multiproc');
    function start() {
      const argument = {};
      const target = () => argument;
      const child = new Process({ target, args: [argument], kwargs: { argument } });
      child.start();
      child.join();
      return [child, new WeakRef(target), new WeakRef(argument)];
    }
    const [child, ...references] = start();
    setImmediate(() => {
      gc();
      console.log(child.exitcode, ...references.map((each) => each.deref()));
    });`;
  const { stdout } = await runSource(source, { nodeArgs: ['--expose-gc'] });
  expect(stdout).toBe('0 undefined undefined\n');
});

/** Everything that a Node program uses works in a forked child, and in a child of a child. */

import { runProgram } from './lib/run';

interface Line {
  generation?: number;
  results?: [feature: string, result: string][];
  exitcode?: number;
  parent?: string;
}

function linesOf<T>(stdout: string): T[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** Runs all features in three generations; returns what went wrong, and how often it went well. */
async function everything(parent: string, nodeArgs: string[] = []) {
  const options = { args: [parent], nodeArgs, deadline: 100 };
  const ended = await runProgram('everything.js', options);
  const lines = linesOf<Line>(ended.stdout);
  const results = lines.flatMap(({ generation, results }) =>
    (results ?? []).map(([feature, result]) => ({ generation, feature, result })),
  );
  return {
    code: ended.code,
    failures: results.filter(({ result }) => result !== 'ok'),
    exitcodes: lines.filter(({ exitcode }) => exitcode !== undefined),
    generations: lines.flatMap(({ generation, results }) => (results ? [generation] : [])),
    parent: lines.find((line) => line.parent !== undefined)?.parent,
  };
}

const allIsWell = { code: 0, failures: [], exitcodes: [] };
const long = 110_000;

describe('what a program uses, in a child, a grandchild and a great-grandchild', () => {
  test(
    'works when the parent has used nothing before',
    async () => {
      const result = await everything('fresh');
      expect(result).toEqual({ ...allIsWell, generations: [1, 2, 3], parent: undefined });
    },
    long,
  );

  test(
    'works when the parent has used all of it before',
    async () => {
      const result = await everything('used');
      expect(result).toEqual({ ...allIsWell, generations: [0, 1, 2, 3], parent: undefined });
    },
    long,
  );

  // AddressSanitizer of GCC 12 does not unlock its allocator in a child when another thread had locked it.
  const isSanitized = process.env['LD_PRELOAD']?.includes('libasan') ?? false;
  (isSanitized ? test.skip : test)(
    'works amid open servers, pending fetches, fs, DNS, intervals and a busy Worker; all of these go on in the parent',
    async () => {
      const result = await everything('busy');
      expect(result).toEqual({ ...allIsWell, generations: [1, 2, 3], parent: 'ok' });
    },
    long,
  );

  test(
    'works when the parent was started with --inspect',
    async () => {
      const result = await everything('fresh', ['--inspect=0']);
      expect(result).toEqual({ ...allIsWell, generations: [1, 2, 3], parent: undefined });
    },
    long,
  );

  test(
    'works when the parent debugs itself by an inspector.Session',
    async () => {
      const result = await everything('debugged');
      expect(result).toEqual({ ...allIsWell, generations: [1, 2, 3], parent: 'ok' });
    },
    long,
  );
});

describe('a debugger that is attached to the parent', () => {
  test('does not stop the child at a breakpoint or a debugger statement, and goes on in the parent', async () => {
    const nodeArgs = ['--experimental-websocket'];
    const { stdout } = await runProgram('debugged-remotely.js', { nodeArgs, deadline: 60 });
    expect(stdout.split('\n')).toEqual([
      'child passed',
      'exitcode 0',
      'parent passed',
      'stops 1',
      '',
    ]);
  }, 70_000);
});

describe("V8's memory, which is marked so that spawning a program does not copy it", () => {
  interface Comparison {
    marked: number;
    stillMapped: number;
    stillMarked: number;
    generation?: number;
  }

  test('is marked again after each fork, to the byte, in the child of a child as well', async () => {
    const { stdout, code } = await runProgram('marked-memory.js');
    const comparisons = linesOf<Comparison>(stdout);
    expect(comparisons.map(({ generation }) => generation ?? 1)).toEqual([1, 1, 2, 1]);
    for (const { marked, stillMapped, stillMarked } of comparisons) {
      expect(marked).toBeGreaterThan(1_000_000);
      expect(stillMarked).toBe(stillMapped);
    }
    expect(code).toBe(0);
  });
});

describe('a socket or a server as an argument', () => {
  type Part = Record<string, unknown>;
  let parts: Part[];

  beforeAll(async () => {
    const { stdout } = await runProgram('kept-sockets.js', { deadline: 30 });
    parts = linesOf<Part>(stdout);
  }, 40_000);

  const named = (name: string) => parts.filter(({ part }) => part === name);

  test('20 connections at once to a server that forks a child for each', () => {
    const expected = { part: 'argument', greetings: ['argument'], processes: 20, right: 20 };
    expect(named('argument')).toEqual([expected]);
  });

  test('a socket in a field of a subclass of Process lives on in the child', () => {
    const expected = { part: 'field', greetings: ['field'], processes: 3, right: 3 };
    expect(named('field')).toEqual([expected]);
  });

  test('a socket in kwargs lives on in the child', () => {
    const expected = { part: 'option', greetings: ['option'], processes: 3, right: 3 };
    expect(named('option')).toEqual([expected]);
  });

  test('a net.Server goes on accepting in the child when the parent has closed its copy', () => {
    const heard = ['argument PID A', 'argument PID B', 'argument PID C'];
    expect(named('server')).toEqual([{ part: 'server', heard }]);
    expect(named('server gone')).toEqual([{ part: 'server gone', refused: 'ECONNREFUSED' }]);
  });

  test('what is not handed over does nothing in the child, and goes on in the parent', () => {
    const expected = { part: 'others', heard: 'for the parent', inChild: false };
    expect(named('others')).toEqual([expected]);
    expect(named('others connect')).toEqual([{ part: 'others connect', connections: 2 }]);
  });
});

describe('under stress', () => {
  // The long form is `npm run stress`.
  test(
    'forks out of a parent that allocates all the time, many at once, three generations',
    async () => {
      const ended = await runProgram('stress.js', { args: ['20', '80'], deadline: 100 });
      const counts = [...ended.stdout.matchAll(/^(.*): (\d+) children, (\d+) failures/gm)];
      expect(counts.map(([, part, children, failures]) => [part, children, failures])).toEqual([
        ['one after the other', '20', '0'],
        ['at once', '7', '0'],
        ['three generations of 2', '2', '0'],
      ]);
      expect(ended.stderr).toBe('');
      expect(ended.code).toBe(0);
    },
    long,
  );
});

describe('memory', () => {
  test('50 idle children of a fresh parent cost less than 10 MB of private memory each', async () => {
    const ended = await runProgram('../../bench/memory.js', { args: ['--json'], deadline: 30 });
    const sizes = JSON.parse(ended.stdout) as number[];
    expect(sizes).toHaveLength(50);
    expect(Math.min(...sizes)).toBeGreaterThan(0.1);
    expect(Math.max(...sizes)).toBeLessThan(10);
  }, 40_000);
});

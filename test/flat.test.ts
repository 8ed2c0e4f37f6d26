/** Ten thousand operations of each kind leave no descriptors, no threads and no memory. */

import { runProgram } from './lib/run';

interface Left {
  descriptors: number;
  threads: number;
  megabytes: number;
}

const { kinds } = require('./programs/flat') as { kinds: string[] };

let left: Record<string, Left>;

beforeAll(async () => {
  // V8's own memory for what is new grows slowly to tens of megabytes by default.
  const nodeArgs = ['--expose-gc', '--max-semi-space-size=2'];
  const ended = await runProgram('flat.js', { nodeArgs, deadline: 100 });
  expect(ended.stderr).toBe('');
  left = JSON.parse(ended.stdout);
}, 110_000);

test.each(kinds)('%s', (kind) => {
  const { descriptors, threads, megabytes } = left[kind]!;
  // The heap of shared memory may have become larger, by a descriptor each time.
  expect(descriptors).toBeLessThanOrEqual(2);
  // Node's own.
  expect(threads).toBeLessThanOrEqual(2);
  expect(megabytes).toBeLessThanOrEqual(20);
});

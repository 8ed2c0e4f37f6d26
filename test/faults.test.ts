/**
 * Processes are killed at random moments; the others must go on or get an error, and nothing may be
 * left behind. MULTIPROC_SEED repeats a run; the output of a failure says which round it was.
 */

import { runProgram } from './lib/run';
import { expectNoNewNames, sharedNames } from './lib/segments';

const seed = Number(process.env['MULTIPROC_SEED'] ?? Math.floor(Math.random() * 1e6));

test.each([
  ['producers of a Queue', 'queue-producers', 40],
  ['consumers of a Queue', 'queue-consumers', 40],
  ['writers and readers of a SimpleQueue', 'simple-queue', 40],
  ['those who hold a Lock, an RLock, a Semaphore', 'locks', 30],
  ['those who wait for a Condition', 'conditions', 20],
  ['parties of a Barrier', 'barriers', 16],
  ['ends of a Pipe, in the middle of a message', 'connections', 20],
])('%s', async (_, program, rounds) => {
  const before = sharedNames();
  const ended = await runProgram(`faults/${program}.js`, {
    args: [String(seed), '0', String(rounds)],
    nodeArgs: ['--expose-gc'],
    deadline: 28,
  }).catch((error: unknown) => {
    throw new Error(`seed ${seed}`, { cause: error });
  });
  expect(ended).toEqual({ code: 0, signal: null, stdout: 'ok\n', stderr: '' });
  await expectNoNewNames(before);
});

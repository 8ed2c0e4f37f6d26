/** The same by futex(2) and by what other systems have instead, a named semaphore. */

import { readdirSync } from 'node:fs';

import { runProgram } from './lib/run';

test.each([
  ['by futex', {}],
  ['by a named semaphore', { MULTIPROC_NO_FUTEX: '1' }],
])('locks between processes, %s', async (_how, env) => {
  const ended = await runProgram('synchronize.js', { env });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const { pid, ...seen } = JSON.parse(ended.stdout);
  expect(seen).toEqual({
    exclusion: [900, 900, 900],
    killedHolder: [
      [false, 'EOWNERDEAD', true],
      [false, 'EOWNERDEAD', true],
    ],
    condition: [[-9, 0, 0], 2, false],
    event: [false, true, [7, 7]],
    barrier: [[0, 0], [20, 20, 20], 'BrokenBarrierError', true],
    semaphore: [[0], false, 'ValueError'],
    atomics: [[0], 40],
  });
  expect(readdirSync('/dev/shm').filter((name) => name.startsWith(`sem.mp-${pid}-`))).toEqual([]);
});

/** Signals that a child gets while it waits in a system call (Linux). */

import { readFileSync } from 'node:fs';

import { posix, type Process } from 'multiproc';

import { main } from '../../dist/realm';
import { until } from './run';

/** Node's own `process`: under Jest, that of the tests gets no signals. */
export const node = main.process;

/** Interrupts the wait of a child that listens for the signal, so many times. */
export async function interrupt(
  child: Process,
  signal: NodeJS.Signals,
  times: number,
): Promise<void> {
  await until(() => rests(child));
  for (let i = 0; i < times; i++) {
    posix.kill(child.pid!, signal);
    await until(() => rests(child));
  }
}

/** Whether the child sleeps and has taken all of its signals. */
function rests(child: Process): boolean {
  if (!child.isAlive()) throw new Error(`ended with exit code ${child.exitcode}`);
  const status = readFileSync(`/proc/${child.pid!}/status`, 'utf8');
  return /^State:\s+S/m.test(status) && /^ShdPnd:\s+0+$/m.test(status);
}

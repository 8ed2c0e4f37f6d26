/** Several children that do something together. */

import { Process, type Target } from 'multiproc';

import { forever, patience } from './child';

export function started(target: Target): Process {
  const child = new Process({ target });
  child.start();
  return child;
}

/** So many children, each called with its number. */
export function startedMany(count: number, target: (index: number) => unknown): Process[] {
  return Array.from({ length: count }, (_, index) => started(() => target(index)));
}

/** Waits for their ends; their exit codes. */
export function joined(children: Process[]): (number | null)[] {
  for (const child of children) child.join(patience);
  return children.map((child) => child.exitcode);
}

/** Waits for their ends, with the event loop free. */
export async function joinedAsync(children: Process[]): Promise<(number | null)[]> {
  await Promise.all(children.map((child) => child.joinAsync(patience)));
  return children.map((child) => child.exitcode);
}

/** A child that does something, and then nothing until it is killed. */
export function startedAfter(first: () => unknown): Process {
  return started(async () => {
    await first();
    await forever();
  });
}

/** Ends a child the hard way; it is reaped. */
export function killed(child: Process): void {
  child.kill();
  child.join(patience);
}

/** The seconds that a call takes, and its result. */
export function timed<T>(call: () => T): [seconds: number, result: T] {
  const began = performance.now();
  const result = call();
  return [(performance.now() - began) / 1000, result];
}

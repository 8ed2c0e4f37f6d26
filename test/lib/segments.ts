/** Segments of shared memory as the kernel shows them. */

import { existsSync, readdirSync } from 'node:fs';

import { SharedMemory } from 'multiproc';

import { until } from './run';

/** Whether there is a segment of this name. */
export function exists(name: string): boolean {
  return existsSync(`/dev/shm/${name}`);
}

/** The names of all shared memory of this machine. */
export function sharedNames(): ReadonlySet<string> {
  return new Set(readdirSync('/dev/shm'));
}

/** Waits until the names that have come since are gone: those of other programs will be. */
export async function expectNoNewNames(before: ReadonlySet<string>): Promise<void> {
  const come = [...sharedNames()].filter((name) => !before.has(name));
  await until(() => !come.some(exists), 20);
}

/** Unlinks segments that a failed test may have left. */
export function removeSegments(names: Iterable<string>): void {
  for (const name of names) {
    if (!exists(name)) continue;
    const segment = new SharedMemory({ name });
    segment.close();
    segment.unlink();
  }
}

let counter = 0;

/** A name that no other test has. */
export function uniqueName(): string {
  return `multiproc-test-${process.pid}-${(counter += 1)}`;
}

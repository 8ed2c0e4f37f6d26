/** Segments of shared memory as the kernel shows them. */

import { existsSync } from 'node:fs';

import { SharedMemory } from 'multiproc';

/** Whether there is a segment of this name. */
export function exists(name: string): boolean {
  return existsSync(`/dev/shm/${name}`);
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

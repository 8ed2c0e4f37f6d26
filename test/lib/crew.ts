/** Several children of the test's own process that do the same. */

import { Process } from 'multiproc';

import { patience } from './child';

/** Starts so many; each gets its index. */
export function startCrew(count: number, target: (index: number) => unknown): Process[] {
  return Array.from({ length: count }, (_, index) => {
    const child = new Process({ target, args: [index] });
    child.start();
    return child;
  });
}

export function started(target: () => unknown): Process {
  return startCrew(1, target)[0]!;
}

/** Waits for the end of all, which must have gone well. */
export function expectEnd(...children: Process[]): void {
  for (const child of children) child.join(patience);
  expect(children.map((child) => child.exitcode)).toEqual(children.map(() => 0));
}

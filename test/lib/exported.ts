/** A module with functions that cross by reference. */

export function twice(x: number): number {
  return 2 * x;
}

export class Exported {}

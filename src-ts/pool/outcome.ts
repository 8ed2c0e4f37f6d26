/** How a call ended: with a value, or with an error. */
export type Outcome<T = unknown> = { ok: true; value: T } | { ok: false; reason: unknown };

/** How the calls of a chunk ended: their values, and by index the errors in place of some. */
export interface Outcomes {
  values: unknown[];
  failures: Map<number, unknown> | null;
}

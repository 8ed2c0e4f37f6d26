/** Where in a message a value is, for people: `value.items[3].get("key")`. */

import { types } from 'node:util';

const SHOWN = 400;

/** A step that its key alone does not tell. */
export class Step {
  constructor(readonly text: string) {}
}

/** The step from an object to what it has under this key. */
export function step(holder: object, key: unknown): string {
  if (key instanceof Step) return key.text;
  if (types.isMap(holder)) return `.get(${shown(key)})`;
  if (typeof key === 'number' || /^\d+$/.test(key as string)) return `[${key as string}]`;
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key as string)) return `.${key as string}`;
  return `[${JSON.stringify(key)}]`;
}

function shown(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  return typeof key === 'object' && key !== null ? 'object' : String(key);
}

/** A path of a length that one can read. */
export function shortened(path: string): string {
  if (path.length <= 2 * SHOWN) return path;
  return `${path.slice(0, SHOWN)} ... ${path.slice(-SHOWN)}`;
}

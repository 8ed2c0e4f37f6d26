/** What arrays may be besides lists. */

import { inspect } from 'node:util';

/** Up to here an array's keys are listed to see whether they are its indexes. */
const SHORT_ARRAY = 64;

/** Whether an array has nothing but elements, and not only a few of many. */
export function isDense(array: unknown[]): boolean {
  const { length } = array;
  if (length <= SHORT_ARRAY || !saysOnlyElements(array)) {
    const keys = Object.keys(array);
    return keys.length === length && (length === 0 || keys[length - 1] === String(length - 1));
  }
  let present = 0;
  for (let i = 0; i < 16; i++) {
    if (Object.hasOwn(array, Math.floor(((length - 1) * i) / 15))) present++;
  }
  return present >= 8;
}

/** Only inspect() tells of properties without listing all the indexes. Not sure: false. */
function saysOnlyElements(array: unknown[]): boolean {
  const said = inspect(array, { maxArrayLength: 0, depth: 0, customInspect: false });
  return said === `[ ... ${array.length} more items ]`;
}

/** An array of that length which takes no memory. */
export function sparseArray(length: number): unknown[] {
  const array: unknown[] = [];
  if (length === 0) return array;
  array[length - 1] = undefined;
  // The length stays.
  Reflect.deleteProperty(array, length - 1);
  return array;
}

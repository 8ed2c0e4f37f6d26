/** Values that go through the codec, as between two processes. */

import { deserialize, serialize } from 'multiproc/serialization';

import { errorOf } from './child';

/** A message of its own, as it would arrive. */
export function messageOf(value: unknown): Buffer {
  const { buffer, length } = serialize(value);
  return Buffer.from(buffer.subarray(0, length));
}

/** The value as the other side gets it. */
export function crossed<T>(value: T): T {
  return deserialize(messageOf(value)) as T;
}

/** Why a value cannot cross, without the name of the class; its path alone by pathOf(). */
export function refusalOf(value: unknown): string | undefined {
  return errorOf(() => serialize(value));
}

/** The codec of values that cross process borders. */

import { Decoder } from './serialization/decoder';
import { type Encoded, Encoder } from './serialization/encoder';
import type { Room } from './serialization/writer';

export type { Encoded } from './serialization/encoder';
export { LONG, type Room } from './serialization/writer';
export {
  type DescriptorSink,
  type DescriptorSource,
  register,
  type RegisterOptions,
} from './serialization/registry';

/** Not while one is at work: hooks and getters may come back here. */
let encoder: Encoder | undefined = new Encoder();
let decoder: Decoder | undefined = new Decoder();

/**
 * A value as bytes.
 * @param room Asked for memory, to write a long value into.
 * @returns The same object, and mostly the same buffer, each time: valid until the next call.
 * @throws PicklingError, with the path of what cannot cross; what a getter or a hook throws.
 */
export function serialize(value: unknown, room?: Room): Encoded {
  const mine = encoder ?? new Encoder();
  encoder = undefined;
  try {
    return mine.encode(value, room);
  } finally {
    encoder = mine;
  }
}

/**
 * The value again.
 * @param descriptors Received descriptors. They pass on to what is made of them here; the others are
 *   closed, also after an error.
 * @param owned Nobody else will touch the bytes: large binary parts may be views of them.
 * @param length So many of the bytes are the message.
 * @throws UnpicklingError; the OSError of a `construct` hook.
 */
export function deserialize(
  bytes: Uint8Array,
  descriptors?: readonly number[],
  owned?: boolean,
  length?: number,
): unknown {
  const mine = decoder ?? new Decoder();
  decoder = undefined;
  try {
    return mine.decode(bytes, descriptors, owned, length);
  } finally {
    decoder = mine;
  }
}

/** Where raw objects lie, and how they cross process borders: as the memory itself. */

import { OverflowError, PicklingError } from '../errors';
import { Block, type BlockAddress, constructBlock, reduceBlock } from '../heap';
import type { DescriptorSink, DescriptorSource } from '../serialization';
import { bytesOf, type Type, typeFrom, typeOf } from './types';

/** Each block lives as long as its buffer. */
const blocks = new WeakMap<ArrayBufferLike, Block>();

function show(type: Type, block: Block, offset: number): object {
  blocks.set(block.buffer, block);
  return type.at(block.buffer, offset);
}

/** A raw object in new memory. @throws OSError ENOSPC; OverflowError */
export function allocate(type: Type): object {
  if (!Number.isSafeInteger(type.size)) throw new OverflowError(`Size ${type.size} too large`);
  return show(type, Block.allocate(type.size), 0);
}

export interface RawMessage {
  spec: unknown;
  block: BlockAddress;
  offset: number;
}

/** @throws PicklingError for what is not in the library's shared memory. */
export function reduceRaw(object: object, out: DescriptorSink): RawMessage {
  const { buffer, byteOffset } = bytesOf(object);
  const block = blocks.get(buffer);
  if (block === undefined) {
    throw new PicklingError('an object that is not in memory of RawValue() or RawArray()');
  }
  return { spec: typeOf(object).spec, block: reduceBlock(block, out), offset: byteOffset };
}

export function constructRaw({ spec, block, offset }: RawMessage, from: DescriptorSource): object {
  return show(typeFrom(spec), constructBlock(block, from), offset);
}

/** The buffers that people pass, and which part of them they mean. */

import { isAnyArrayBuffer } from 'node:util/types';

import { checkedInteger } from '../arguments';
import { expected, ValueError } from '../errors';

/** What holds bytes. */
export type Bytes = ArrayBufferView | ArrayBufferLike;

/** The memory of a buffer, byte by byte. */
export function toBytes(name: string, buffer: unknown): Uint8Array {
  if (buffer instanceof Uint8Array) return buffer;
  if (ArrayBuffer.isView(buffer)) {
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
  if (isAnyArrayBuffer(buffer)) return new Uint8Array(buffer);
  throw new TypeError(expected('a Buffer, a view or an ArrayBuffer', name, buffer));
}

/** The number of bytes to send, checked as Python's send_bytes() checks. */
export function checkedSize(length: number, offset: number, size: number | null): number {
  checkedInteger('offset', offset);
  if (offset < 0) throw new ValueError('offset is negative');
  if (length < offset) throw new ValueError('buffer length < offset');
  if (size == null) return length - offset;
  checkedInteger('size', size);
  if (size < 0) throw new ValueError('size is negative');
  if (offset + size > length) throw new ValueError('buffer length < offset + size');
  return size;
}

/** The greatest length to receive; null means any. */
export function checkedMaxlength(maxlength: number | null): number {
  if (maxlength == null) return Infinity;
  checkedInteger('maxlength', maxlength);
  if (maxlength < 0) throw new ValueError('negative maxlength');
  return maxlength;
}

/** Checks where recvBytesInto() begins. */
export function checkedStart(length: number, offset: number): void {
  checkedInteger('offset', offset);
  if (offset < 0) throw new ValueError('negative offset');
  if (offset > length) throw new ValueError('offset too large');
}

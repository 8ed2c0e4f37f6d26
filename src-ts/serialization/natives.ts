/** Instances of JavaScript's own classes that are not containers. */

import { types } from 'node:util';

import type { Encoder } from './encoder';
import { ARRAY_BUFFER, BOXED, DATE, MAP, REGEXP, SET, VIEW, views } from './format';

interface Native {
  /** The prototype alone makes none. */
  is: (value: unknown) => boolean;
  write: (encoder: Encoder, value: never) => void;
}

const viewNumbers = new Map(views.map((name, number) => [name, number]));

const boxed = (prototype: { valueOf(): unknown }): Native => ({
  is: (value) => types.isBoxedPrimitive(value),
  write: (encoder, value) => {
    encoder.tag(BOXED);
    encoder.value(prototype.valueOf.call(value));
  },
});

const all: Record<string, Native> = {
  Map: { is: types.isMap, write: (encoder, value) => encoder.container(MAP, value) },
  Set: { is: types.isSet, write: (encoder, value) => encoder.container(SET, value) },
  Date: {
    is: types.isDate,
    write: (encoder, value) => {
      encoder.tag(DATE);
      encoder.float64(Date.prototype.getTime.call(value));
    },
  },
  RegExp: {
    is: types.isRegExp,
    write: (encoder, value: RegExp) => {
      encoder.tag(REGEXP);
      encoder.string(value.source);
      encoder.string(value.flags);
    },
  },
  ArrayBuffer: { is: types.isArrayBuffer, write: writeArrayBuffer },
  Number: boxed(Number.prototype),
  String: boxed(String.prototype),
  Boolean: boxed(Boolean.prototype),
  BigInt: boxed(BigInt.prototype),
  Symbol: boxed(Symbol.prototype),
};
const buffer: Native = { is: (value) => ArrayBuffer.isView(value), write: writeView };
for (const name of views) all[name] = buffer;
// By its prototype: Buffer is no native class.
delete all['Buffer'];

/** How to write an instance of the native class of this name. */
export function nativeOf(name: string, value: object, prototype: object): Native | undefined {
  const native = prototype === Buffer.prototype ? buffer : byName.get(name);
  return native?.is(value) ? native : undefined;
}

const byName = new Map(Object.entries(all));

function writeArrayBuffer(encoder: Encoder, value: ArrayBuffer): void {
  encoder.tag(ARRAY_BUFFER);
  encoder.binary(bytesOf(encoder, value, value, 0, value.byteLength));
}

function writeView(encoder: Encoder, value: ArrayBufferView): void {
  if (types.isSharedArrayBuffer(value.buffer)) encoder.refuse(value.buffer);
  encoder.tag(VIEW);
  encoder.byte(viewNumbers.get(viewName(value))!);
  encoder.binary(bytesOf(encoder, value, value.buffer, value.byteOffset, value.byteLength));
}

function viewName(value: ArrayBufferView): string {
  if (Object.getPrototypeOf(value) === Buffer.prototype) return 'Buffer';
  return Object.prototype.toString.call(value).slice(8, -1);
}

function bytesOf(
  encoder: Encoder,
  value: object,
  whole: ArrayBufferLike,
  offset: number,
  length: number,
): Uint8Array {
  try {
    return new Uint8Array(whole, offset, length);
  } catch {
    return encoder.fail(value, 'its ArrayBuffer is detached');
  }
}

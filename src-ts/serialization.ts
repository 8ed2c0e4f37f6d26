/** A stand-in: structured clones, and registered classes where they are found. */

import { deserialize as fromV8, serialize as toV8 } from 'node:v8';

import { posix } from './native';

export interface Serialized {
  buffer: Uint8Array;
  length: number;
  descriptors: readonly number[];
}

export interface Registration<T> {
  name: string;
  reduce(object: T, out: { add(fd: number): number }): unknown;
  construct(parts: any, from: { take(index: number): number }): T; // eslint-disable-line
}

const byName = new Map<string, Registration<unknown>>();
const byClass = new Map<unknown, Registration<unknown>>();

/* eslint-disable */
export function register<T>(Class: new (...args: any[]) => T, how: Registration<T>): void {
  byName.set(how.name, how as any);
  byClass.set(Class, how as any);
}

const MARK = '\0registered';

function map(value: any, change: (value: any) => any): any {
  const changed = change(value);
  if (changed !== value) return changed;
  if (Array.isArray(value)) return value.map((each) => map(each, change));
  if (value === null || typeof value !== 'object') return value;
  if (Object.getPrototypeOf(value)?.constructor?.name !== 'Object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, map(each, change)]));
}

export function serialize(value: unknown): Serialized {
  const descriptors: number[] = [];
  const out = { add: (fd: number) => descriptors.push(fd) - 1 };
  const plain = map(value, (each) => {
    const how = byClass.get(each?.constructor);
    return how ? { [MARK]: how.name, parts: how.reduce(each, out) } : each;
  });
  const buffer = Buffer.concat([Buffer.of(1), toV8(plain)]);
  return { buffer, length: buffer.length, descriptors };
}

export function deserialize(
  bytes: Uint8Array,
  descriptors: readonly number[] = [],
  _owned = false,
): unknown {
  const left = new Set(descriptors);
  const take = (index: number): number => {
    const fd = descriptors[index]!;
    left.delete(fd);
    return fd;
  };
  try {
    if (bytes[0] !== 1) throw new TypeError('not a serialization');
    return map(fromV8(Buffer.from(bytes.subarray(1))), (each) =>
      each?.[MARK] ? byName.get(each[MARK])!.construct(each.parts, { take }) : each,
    );
  } finally {
    for (const fd of left) posix.close(fd);
  }
}

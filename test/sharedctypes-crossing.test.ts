/** Shared values and arrays in messages: what arrives is the same memory. */

import { openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  Array as SharedArray,
  CharArray,
  Lock,
  RawArray,
  RawValue,
  RLock,
  Structure,
  synchronized,
  Value,
} from 'multiproc';
import { deserialize, serialize } from 'multiproc/serialization';

import { expectNoChildren, patience, temporaryDirectory } from './lib/child';
import { crossed, refusalOf } from './lib/crossing';
import { joined, started } from './lib/group';

afterEach(expectNoChildren);

/**
 * A child that was there before the object gets it as a message, and changes it. The descriptors it
 * opens by the name that the parent's have in /proc.
 */
function changedElsewhere<T>(make: () => T, change: (object: T) => unknown): T {
  const directory = temporaryDirectory();
  const file = join(directory, 'message');
  const ready = RawValue('i');
  const parent = process.pid;
  const child = started(() => {
    ready.wait(0, patience);
    const { bytes, descriptors } = JSON.parse(readFileSync(file, 'utf8'));
    const own = descriptors.map((fd: number) => openSync(`/proc/${parent}/fd/${fd}`, 'r+'));
    change(deserialize(Buffer.from(bytes, 'base64'), own) as T);
  });
  const object = make();
  const { buffer, length, descriptors } = serialize(object);
  const bytes = Buffer.from(buffer.subarray(0, length)).toString('base64');
  writeFileSync(file, JSON.stringify({ bytes, descriptors }));
  ready.store(1);
  ready.notify();
  expect(joined([child])).toEqual([0]);
  rmSync(directory, { recursive: true });
  return object;
}

test('values', () => {
  expect(
    changedElsewhere(
      () => RawValue('q', 5),
      (value) => (value.value *= 2n),
    ).value,
  ).toBe(10n);
  const value = changedElsewhere(
    () => Value('i', 5),
    (object) => object.add(1),
  );
  expect(value.value).toBe(6);
});

test('the lock stays the lock', () => {
  for (const lock of [new Lock(), new RLock()]) {
    lock.acquire();
    const seen = changedElsewhere(
      () => Value('i', 0, { lock }),
      (value) => value.getObj().store(value.acquire(false) ? 1 : 2),
    );
    lock.release();
    expect(seen.value).toBe(2);
  }
});

test('arrays with a lock, and parts of them', () => {
  const array = changedElsewhere(
    () => SharedArray('d', [1, 2, 3]),
    (object) => (object[-1] = 4.5),
  );
  expect([...array]).toEqual([1, 2, 4.5]);
  const text = changedElsewhere(
    () => SharedArray('c', 10),
    (object) => (object.value = 'child'),
  );
  expect(String(text.value)).toBe('child');
  const whole = RawArray('i', 4);
  changedElsewhere(
    () => synchronized(whole.subarray(2)),
    (part) => (part[0] = 7),
  );
  expect([...whole]).toEqual([0, 0, 7, 0]);
});

test('structures, of fields that the receiver has not seen before', () => {
  const make = () => RawValue({ a: 'b', inner: { x: 'd' }, name: ['c', 4] }, 1);
  const one = changedElsewhere(make, (object) => {
    if (!(object instanceof Structure)) process.exit(1);
    object.inner.x = 2.5;
    object.name = Buffer.from('ok');
  });
  expect([one.a, one.inner.x, String(one.name)]).toEqual([1, 2.5, 'ok']);
  const locked = changedElsewhere(
    () => Value({ c: 'i' }),
    (object) => object.with(() => (object.c += 3)),
  );
  expect(locked.c).toBe(3);
  const list = changedElsewhere(
    () => SharedArray({ e: 'h' }, 3),
    (object) => (object[1] = { e: 5 } as never),
  );
  expect(list[1]!.e).toBe(5);
  const inner = changedElsewhere(
    () => one.inner,
    (object) => (object.x = 9),
  );
  expect([inner.x, one.inner.x]).toEqual([9, 9]);
});

test('typed arrays are copied', () => {
  const numbers = RawArray('i', [1, 2]);
  const [copied, text] = crossed([numbers, RawArray('c', 'abc')] as const);
  numbers[0] = 9;
  expect(copied).toEqual(Int32Array.of(1, 2));
  expect([text instanceof CharArray, String(text.value)]).toEqual([true, 'abc']);
});

test('what is not in shared memory is an error for its sender', () => {
  expect(refusalOf(synchronized(Int32Array.of(1)))).toMatch(/^PicklingError: .*RawArray/);
});

/** Structures in shared memory. */

import { inspect } from 'node:util';

import {
  Array as SharedArray,
  copy,
  CompoundArray,
  Process,
  RawArray,
  RawValue,
  Structure,
  synchronized,
  Value,
} from 'multiproc';

import { errorOf, exitcodeOf, expectNoChildren } from './lib/child';

afterEach(expectNoChildren);

/** Runs the function in a child, to its end. */
function child(target: () => unknown): void {
  expect(exitcodeOf(new Process({ target }))).toBe(0);
}

const foo = { x: 'i', y: 'd', z: 'q' } as const;

describe.each([
  ['C101: without locks', false],
  ['C102: with locks', true],
] as const)('%s', (_name, lock) => {
  test('a child doubles everything', () => {
    const x = Value('i', 7, { lock: lock as true });
    const y = Value('d', 1 / 3, { lock: lock as true });
    const z = Value('q', 2n ** 33n, { lock: lock as true });
    const point = Value(foo, 3, 2, 1n, { lock: lock as true });
    const numbers = SharedArray('d', 10, { lock: lock as true });
    const text = SharedArray('c', 20, { lock: lock as true });
    text.value = 'hello';
    for (let i = 0; i < 10; i++) numbers[i] = i;
    child(() => {
      x.value *= 2;
      y.value *= 2;
      z.value *= 2n;
      point.x *= 2;
      point.y *= 2;
      point.z *= 2n;
      text.value = Buffer.concat([text.value, text.value]);
      for (let i = 0; i < numbers.length; i++) numbers[i]! *= 2;
    });
    expect([x.value, y.value, z.value]).toEqual([14, 2 / 3, 2n ** 34n]);
    expect([point.x, point.y, point.z]).toEqual([6, 4, 2n]);
    expect([...numbers]).toEqual(Array.from({ length: 10 }, (_, i) => 2 * i));
    expect(String(text.value)).toBe('hellohello');
  });
});

test('C103: a copy is independent of later changes', () => {
  const first = RawValue(foo, 2, 5.0);
  const second = copy(first);
  first.x = 0;
  first.y = 0;
  first.z = 9n;
  expect([second.x, second.y, second.z]).toEqual([2, 5, 0n]);
  child(() => (second.x = 8));
  expect(second.x).toBe(8);
});

const record = {
  id: 'b',
  weight: 'd',
  name: ['c', 5],
  label: ['u', 2],
  place: { x: 'h', y: 'q' },
  samples: ['f', 3],
  marks: [{ at: 'H', flag: 'B' }, 2],
  rows: [['i', 2], 2],
} as const;

test('memory has the layout of C', () => {
  const one = RawValue(
    record,
    1,
    1.5,
    'ab',
    'é',
    { x: -1, y: 2 },
    [1, 2],
    [[1, 2], { at: 3 }],
    [
      [1, 2],
      [3, 4],
    ],
  );
  const bytes = Buffer.from(one.samples.buffer);
  // As gcc and ctypes lay it out: offsets 0, 8, 16, 24, 32 (40), 48, 60 and 68 of 88 bytes.
  expect(bytes.length).toBe(88);
  expect(bytes.readInt8(0)).toBe(1);
  expect(bytes.readDoubleLE(8)).toBe(1.5);
  expect(bytes.toString('latin1', 16, 21)).toBe('ab\0\0\0');
  expect([bytes.readUInt32LE(24), bytes.readUInt32LE(28)]).toEqual([0xe9, 0]);
  expect([bytes.readInt16LE(32), bytes.readBigInt64LE(40)]).toEqual([-1, 2n]);
  expect([48, 52, 56].map((offset) => bytes.readFloatLE(offset))).toEqual([1, 2, 0]);
  expect([60, 62, 64, 66].map((offset) => bytes.readUInt16LE(offset))).toEqual([1, 2, 3, 0]);
  expect([68, 72, 76, 80].map((offset) => bytes.readInt32LE(offset))).toEqual([1, 2, 3, 4]);
});

test('fields: views of what is compound, text for arrays of characters', () => {
  const one = RawValue(record, {});
  expect(one).toBeInstanceOf(Structure);
  one.place.x = 5;
  one.samples[1] = 2.5;
  one.marks[1]!.flag = 7;
  one.rows[0]![1] = 9;
  one.name = Buffer.from('name');
  one.label = 'ok';
  expect([one.place.x, one.samples[1], one.marks[-1]!.flag, one.rows[0]![1]]).toEqual([
    5, 2.5, 7, 9,
  ]);
  expect([String(one.name), one.label]).toEqual(['name', 'ok']);
  expect(one.place).toBe(one.place);
  Object.assign(one, { place: { y: 3 }, samples: [1], marks: [], rows: [[1]] });
  expect([one.place.x, one.place.y]).toEqual([0, 3n]);
  expect([...one.samples]).toEqual([1, 0, 0]);
  expect(one.marks[1]!.flag).toBe(0);
  expect([...one.rows[0]!]).toEqual([1, 0]);
});

test('initial values: in order, by name, by another structure', () => {
  const fields = { place: { x: 'i', y: 'i' }, n: 'i' } as const;
  const numbers = (one: Structure): string => JSON.stringify(one);
  expect(numbers(RawValue(fields, [1, 2], 3))).toBe('{"place":{"x":1,"y":2},"n":3}');
  expect(numbers(RawValue(fields, { x: 1 }, 3))).toBe('{"place":{"x":1,"y":0},"n":3}');
  expect(numbers(RawValue(fields, { x: 1, y: 2 }))).toBe('{"place":{"x":1,"y":2},"n":0}');
  expect(numbers(RawValue(fields, { n: 4 }))).toBe('{"place":{"x":0,"y":0},"n":4}');
  const one = RawValue(fields, { n: 5, place: { y: 6 } });
  expect(numbers(RawValue(fields, one))).toBe(numbers(one));
  expect(numbers(RawValue(fields, one.place, 1))).toBe('{"place":{"x":0,"y":6},"n":1}');
});

test('wrong values change nothing', () => {
  const one = RawValue({ a: 'i', xs: ['i', 2], in: { k: 'i' } }, 1, [2, 3], [4]);
  const shown = inspect(one);
  expect(errorOf(() => (one.a = 'x' as never))).toMatch(/^TypeError: /);
  expect(errorOf(() => (one.xs = [9, 'x'] as never))).toMatch(/^TypeError: /);
  expect(errorOf(() => (one.xs = [9, 9, 9] as never))).toBe('IndexError: invalid index');
  expect(errorOf(() => (one.in = { k: 9, z: 1 } as never))).toMatch(/no field 'z'/);
  expect(errorOf(() => (one.in = 5 as never))).toMatch(/^TypeError: Expected an array or an obj/);
  expect(inspect(one)).toBe(shown);
  expect(errorOf(() => RawValue({ x: 'i' }, 1, 2))).toBe('TypeError: too many initializers');
  expect(errorOf(() => RawValue({ x: 'i' }, { z: 1 }))).toMatch(/no field 'z'/);
  expect(errorOf(() => RawValue({ x: 'zz' as never }))).toBe('TypeError: this type has no size');
  expect(errorOf(() => RawValue({ x: ['i', -2] }))).toMatch(/must be >= 0, not -2/);
});

test('arrays of structures and of arrays', () => {
  const points = SharedArray({ x: 'd', y: 'd' }, [[1.875, -6.25], { x: -5.75 }]);
  expect(points.getObj()).toBeInstanceOf(CompoundArray);
  child(() => {
    for (const point of points) point.x **= 2;
    points[-1] = { y: 3 } as never;
  });
  expect(JSON.stringify([...points])).toBe('[{"x":3.515625,"y":-6.25},{"x":0,"y":3}]');
  expect(errorOf(() => points[2])).toBe('IndexError: invalid index');
  expect(errorOf(() => points.add(0, 1 as never))).toMatch(/^TypeError: atomic/);
  const matrix = RawArray(['d', 3], 2);
  matrix[1] = [1, 2, 3] as never;
  expect(matrix.slice()).toEqual([new Float64Array(3), Float64Array.of(1, 2, 3)]);
  expect([...copy(matrix)]).toEqual([...matrix]);
  expect(matrix.at(5)).toBeUndefined();
});

test('a structure with a lock has its fields', () => {
  const point = Value({ x: 'd', acquired: 'i' }, 1, 2);
  expect([point.x, point.acquired]).toEqual([1, 2]);
  point.with(() => (point.x += 1));
  expect(point.getObj().x).toBe(2);
  expect(inspect(point)).toBe(
    '<SynchronizedStructure wrapper for Structure { x: 2, acquired: 2 }>',
  );
  const again = synchronized(point.getObj());
  again.x = 7;
  expect(point.x).toBe(7);
});

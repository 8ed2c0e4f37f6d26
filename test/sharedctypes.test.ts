/** Value, Array, RawValue, RawArray, copy, synchronized. */

import { inspect } from 'node:util';

import {
  Array as SharedArray,
  CharArray,
  type Code,
  copy,
  Lock,
  Process,
  RawArray,
  RawValue,
  RLock,
  Semaphore,
  synchronized,
  SynchronizedArray,
  SynchronizedString,
  Value,
} from 'multiproc';

import { errorOf, exitcodeOf, expectNoChildren, inChild } from './lib/child';

afterEach(expectNoChildren);

/** Runs the function in a child, to its end. */
function child(target: () => unknown): void {
  expect(exitcodeOf(new Process({ target }))).toBe(0);
}

const cases: [code: Code, before: unknown, after: unknown][] = [
  ['i', 4343, 24234],
  ['d', 3.625, -4.25],
  ['h', -232, 234],
  ['q', 2n ** 33n, 2n ** 34n],
  ['c', Buffer.from('x'), Buffer.from('y')],
  ['u', 'ä', '😀'],
];

describe('values', () => {
  test.each(cases)('C094: Value %s holds its value; a child changes it', (code, before, after) => {
    const value = Value(code, before);
    expect(value.value).toEqual(before);
    child(() => (value.value = after as never));
    expect(value.value).toEqual(after);
  });

  test.each(cases)(
    'C095: RawValue %s holds its value; a child changes it',
    (code, before, after) => {
      const value = RawValue(code, before);
      expect(value.value).toEqual(before);
      child(() => (value.value = after as never));
      expect(value.value).toEqual(after);
    },
  );

  test('zero by default; with and without new', () => {
    expect([new Value('i').value, Value('q').value, new RawValue('d').value]).toEqual([0, 0n, 0]);
    expect(Value('c').value).toEqual(Buffer.of(0));
  });

  test.each([
    ['b', 300, 44],
    ['b', 200, -56],
    ['B', -1, 255],
    ['h', 2 ** 15, -(2 ** 15)],
    ['H', 65537, 1],
    ['i', 2 ** 31, -(2 ** 31)],
    ['I', -1, 2 ** 32 - 1],
    ['I', 2n ** 64n + 5n, 5],
    ['q', 2n ** 63n, -(2n ** 63n)],
    ['Q', -1n, 2n ** 64n - 1n],
    ['l', 7, 7n],
    ['L', true, 1n],
    ['i', true, 1],
    ['f', 0.1, Math.fround(0.1)],
    ['d', 5n, 5],
  ] as const)('integers wrap and numbers are converted: %s of %p is %p', (code, given, stored) => {
    const value = Value(code, given);
    expect(value.value).toBe(stored);
    value.value = 0;
    value.value = given;
    expect(value.value).toBe(stored);
    expect(SharedArray(code, [given] as never[]).get(0)).toBe(stored);
  });

  test.each([
    ['i', '5'],
    ['i', 1.5],
    ['i', NaN],
    ['q', 2 ** 60],
    ['q', 0.5],
    ['d', '1'],
    ['c', 'ab'],
    ['c', 256],
    ['u', ''],
    ['u', -1],
  ] as const)('a wrong type is a TypeError: %s of %p', (code, wrong) => {
    expect(errorOf(() => Value(code, wrong))).toMatch(/^TypeError: /);
    const value = Value(code);
    expect(errorOf(() => (value.value = wrong as never))).toMatch(/^TypeError: /);
    expect(errorOf(() => SharedArray(code, [wrong] as never[]))).toMatch(/^TypeError: /);
  });

  test('the errors of the arguments have the texts of Python', () => {
    expect(errorOf(() => Value('z' as never, 0))).toBe('TypeError: this type has no size');
    expect(errorOf(() => Value(null as never))).toBe('TypeError: this type has no size');
    expect(errorOf(() => RawArray('i', -1))).toBe('ValueError: Array length must be >= 0, not -1');
    expect(errorOf(() => Value('i', 1, 2))).toBe('TypeError: too many initializers');
    expect(errorOf(() => RawArray('i', 1.5))).toMatch(/^TypeError: Expected an integer for size/);
    expect(errorOf(() => RawArray('i', null as never))).toMatch(/^TypeError: .* initializer/);
    expect(errorOf(() => RawArray('i', 1e300))).toBe('OverflowError: Size 4e+300 too large');
    expect(errorOf(() => RawArray('d', 2 ** 46))).toMatch(/^OSError: \[Errno 28\]/);
    expect(errorOf(() => Value('i', 0, { lock: 'navalue' as never }))).toBe(
      "AttributeError: 'navalue' has no method 'acquire'",
    );
    expect(errorOf(() => SharedArray('i', 3, { lok: false } as never))).toMatch(/'lok'/);
    const value = Value('i');
    expect(errorOf(() => synchronized(value))).toBe('AssertionError: object already synchronized');
    expect(errorOf(() => synchronized({}))).toMatch(/^TypeError: Expected a raw shared object/);
  });
});

describe('locks', () => {
  test('an RLock by default; another one by choice; none', () => {
    for (const lock of [undefined, null, true]) {
      expect(Value('i', 5, lock === undefined ? {} : { lock }).getLock()).toBeInstanceOf(RLock);
    }
    const lock = new Lock();
    expect(Value('i', 5, { lock }).getLock()).toBe(lock);
    expect(SharedArray('i', 5, { lock }).getLock()).toBe(lock);
    const raw = Value('i', 5, { lock: false });
    expect('getLock' in raw).toBe(false);
    expect(raw.value).toBe(5);
    expect(SharedArray('i', 5, { lock: false })).toEqual(new Int32Array(5));
  });

  test('each access takes the lock, and gives it back, also after an error', () => {
    const counts = { acquired: 0, released: 0 };
    const lock = {
      acquire: () => (counts.acquired += 1) > 0,
      acquireAsync: () => Promise.resolve(true),
      release: () => void (counts.released += 1),
    };
    const value = Value('i', 0, { lock });
    value.value += 1;
    const array = SharedArray('i', 3, { lock });
    array[0] = array[1]!;
    array.slice(0, 2);
    array.setSlice(0, 1, [5]);
    expect([...array]).toEqual([5, 0, 0]);
    const point = Value({ x: 'd' }, { lock });
    point.x = point.x + 1;
    const text = SharedArray('c', 3, { lock });
    text.value = text.raw;
    expect(counts).toEqual({ acquired: 11, released: 11 });
    expect(errorOf(() => (text.value = 'long text'))).toBe('ValueError: byte string too long');
    expect(counts).toEqual({ acquired: 12, released: 12 });
  });

  test('a child waits for the lock of a value', () => {
    const value = Value('i', 1);
    value.acquire();
    const busy = inChild(() => value.acquire(false));
    value.release();
    expect(busy).toBe(false);
    expect(inChild(() => value.acquire({ timeout: 0 }))).toBe(true);
  });

  test('hold() and with() make changes of more than one access', async () => {
    const value = Value('i', 0);
    const children = [1, 2].map(
      () =>
        new Process({
          target() {
            for (let i = 0; i < 500; i++) value.with(() => (value.value += 1));
          },
        }),
    );
    for (const each of children) each.start();
    for (let i = 0; i < 500; i++) {
      using held = value.hold();
      expect(held).toBeDefined();
      value.value += 1;
    }
    await Promise.all(children.map((each) => each.joinAsync()));
    expect(value.value).toBe(1500);
  });

  test('a lock that is no RLock works for every access', () => {
    for (const lock of [new Lock(), new Semaphore(1)]) {
      const array = SharedArray('i', 4, { lock });
      array.setSlice(0, 4, [1, 2, 3, 4]);
      expect([...array, array.at(-1), array[2]]).toEqual([1, 2, 3, 4, 4, 3]);
      expect(lock.locked()).toBe(false);
    }
  });
});

describe('arrays', () => {
  const given = [680, 626, 934, 821, 150, 233, 548, 982, 714, 831];

  test('C097: an array has a length, indexes and slices; a child changes it in place', () => {
    const array = new SharedArray('i', given);
    expect(array).toBeInstanceOf(SynchronizedArray);
    expect(array.length).toBe(given.length);
    expect([array[3], array.get(3), array.at(3)]).toEqual([821, 821, 821]);
    expect([array[-1], array.get(-1), array.at(-1)]).toEqual([831, 831, 831]);
    expect(array.slice(2, 7)).toEqual(given.slice(2, 7));
    expect(array.slice(-3)).toEqual(given.slice(-3));
    expect([...array]).toEqual(given);
    array.setSlice(4, 8, [1, 2, 3, 4]);
    const changed = [680, 626, 934, 821, 1, 2, 3, 4, 714, 831];
    expect(array.slice()).toEqual(changed);
    child(() => {
      for (let i = 1; i < array.length; i++) array[i]! += array[i - 1]!;
    });
    for (let i = 1; i < changed.length; i++) changed[i]! += changed[i - 1]!;
    expect([...array]).toEqual(changed);
  });

  test('what is out of range or does not fit', () => {
    const array = SharedArray('i', [1, 2, 3]);
    for (const index of [3, -4]) {
      expect(errorOf(() => array[index])).toBe('IndexError: invalid index');
      expect(errorOf(() => (array[index] = 1))).toBe('IndexError: invalid index');
      expect(errorOf(() => array.get(index))).toBe('IndexError: invalid index');
      expect(array.at(index)).toBeUndefined();
    }
    expect(errorOf(() => array.get('1' as never))).toMatch(/^TypeError: /);
    for (const [start, end] of [
      [0, 2],
      [2, 9],
      [2, 1],
    ] as const) {
      expect(errorOf(() => array.setSlice(start, end, [1, 2, 3]))).toBe(
        'ValueError: Can only assign sequence of same size',
      );
    }
    expect(errorOf(() => array.setSlice(0, 2, [7, 'x' as never]))).toMatch(/^TypeError: /);
    array.setSlice(-2, Infinity, [8, 9]);
    expect([...array]).toEqual([1, 8, 9]);
  });

  test('C098: an array made from a size is zero, also in memory that was used', () => {
    for (let round = 0; round < 3; round++) {
      const array = SharedArray('i', 500);
      expect(array.getObj()).toEqual(new Int32Array(500));
      array.getObj().set(Array.from({ length: 500 }, (_, index) => index + 1));
    }
  });

  test('C099: a raw array is the typed array; a child changes it', () => {
    const array = RawArray('i', given);
    expect(array).toEqual(Int32Array.from(given));
    child(() => {
      array[0] = 5;
      array.set([1, 2], 1);
      array.subarray(8).fill(7);
      Atomics.add(array, 3, 1);
    });
    expect([...array]).toEqual([5, 1, 2, 822, 150, 233, 548, 982, 7, 7]);
  });

  test('initialised by whatever can be iterated', () => {
    expect(RawArray('d', new Set([1, 2.5]))).toEqual(Float64Array.of(1, 2.5));
    expect(RawArray('b', Int32Array.of(300, -1))).toEqual(Int8Array.of(44, -1));
    expect(RawArray('q', [1, 2n])).toEqual(BigInt64Array.of(1n, 2n));
    expect(errorOf(() => RawArray('i', Float64Array.of(1.5)))).toMatch(/^TypeError: /);
    expect(errorOf(() => RawArray('q', Float64Array.of(1.5)))).toMatch(/^TypeError: /);
    expect(RawArray('i', 0)).toEqual(new Int32Array(0));
    expect([...SharedArray('d', [])]).toEqual([]);
  });

  test('arrays of bytes have value and raw', () => {
    const array = RawArray('c', 'abcde');
    expect(array).toBeInstanceOf(CharArray);
    expect([array.length, String(array.value), array[1]]).toEqual([5, 'abcde', 98]);
    array.value = 'xy';
    expect([String(array.value), String(array.raw)]).toEqual(['xy', 'xy\0de']);
    array.raw = Buffer.from('XYZ');
    expect(String(array.raw)).toBe('XYZde');
    expect(errorOf(() => (array.value = 'abcdef'))).toBe('ValueError: byte string too long');
    expect(errorOf(() => (array.raw = Buffer.alloc(6)))).toBe('ValueError: byte string too long');
    expect(errorOf(() => (array.value = 5 as never))).toMatch(/^TypeError: /);
    const locked = SharedArray('c', Buffer.from('hello'));
    expect(locked).toBeInstanceOf(SynchronizedString);
    child(() => (locked.value = 'child'));
    expect(String(locked.value)).toBe('child');
  });

  test('arrays of code points have value', () => {
    const array = SharedArray('u', 'añ😀');
    expect([array.length, array.value, array[2]]).toEqual([3, 'añ😀', 0x1f600]);
    array.value = 'é';
    expect([array.value, array[2]]).toEqual(['é', 0x1f600]);
    expect(errorOf(() => (array.value = 'abcd'))).toBe('ValueError: string too long');
    expect(errorOf(() => array.raw)).toMatch(/^AttributeError/);
  });
});

test('reprs', () => {
  const value = Value('i', 5);
  expect(inspect(value)).toBe('<Synchronized wrapper for c_int(5)>');
  expect(String(RawValue('q', 5))).toBe('c_longlong(5n)');
  const array = SharedArray('d', [1.5]);
  expect(String(array)).toBe('<SynchronizedArray wrapper for Float64Array(1) [ 1.5 ]>');
});

test('copies of values and arrays are their own', () => {
  const value = Value('i', 5);
  const array = SharedArray('c', 'abc');
  const copies = [copy(value), copy(array), copy(RawArray('d', [1]).subarray(0, 1))] as const;
  value.value = 6;
  array.value = 'x';
  expect([copies[0].value, String(copies[1].value), copies[2][0]]).toEqual([5, 'abc', 1]);
  child(() => copies[1].set([120], 1));
  expect(String(copies[1].value)).toBe('axc');
  expect(errorOf(() => copy({}))).toMatch(/^TypeError: Expected a raw shared object/);
});

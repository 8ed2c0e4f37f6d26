/** Atomic operations on shared integers, and waiting for them. */

import {
  Array as SharedArray,
  atomics,
  type Code,
  Process,
  RawArray,
  RawValue,
  Value,
} from 'multiproc';

import { errorOf, exitcodeOf, expectNoChildren, patience, rejectionOf } from './lib/child';

afterEach(expectNoChildren);

const integers: Code[] = ['b', 'B', 'h', 'H', 'i', 'I', 'l', 'L', 'q', 'Q'];

/** The operations, each with the value that is returned and the one that stays. */
const operations = [
  ['add', [5], 12, 17],
  ['sub', [5], 12, 7],
  ['and', [6], 12, 4],
  ['or', [3], 12, 15],
  ['xor', [6], 12, 10],
  ['exchange', [9], 12, 9],
  ['compareExchange', [12, 9], 12, 9],
  ['compareExchange', [11, 9], 12, 12],
  ['load', [], 12, 12],
  ['store', [9], undefined, 9],
] as const;

test.each(integers)('each operation returns the old value: code %s', (code) => {
  const isBig = typeof Value(code).value === 'bigint';
  const stored = (number: number | undefined): unknown =>
    isBig && number !== undefined ? BigInt(number) : number;
  for (const make of [Value, RawValue]) {
    for (const [name, args, old, left] of operations) {
      const value: any = make(code, 12);
      expect([name, value[name](...args), value.value]).toEqual([name, stored(old), stored(left)]);
    }
  }
  for (const [name, args, old, left] of operations) {
    const array: any = SharedArray(code, [1, 12]);
    const result = array[name](-1, ...args);
    expect([name, result, array[1], array[0]]).toEqual([
      name,
      stored(old),
      stored(left),
      stored(1),
    ]);
  }
});

test('they wrap as stores do', () => {
  const value = Value('b', 127);
  value.add(1);
  expect(value.value).toBe(-128);
});

test.each(['c', 'u', 'f', 'd'] as const)('there are none for code %s', (code) => {
  expect(errorOf(() => RawValue(code).load())).toBe(
    'TypeError: atomic operations are for integers',
  );
  expect(errorOf(() => SharedArray(code, 1).load(0))).toMatch(/^TypeError: atomic operations/);
});

test('wrong arguments', () => {
  expect(errorOf(() => Value('i').add('1' as never))).toMatch(/^TypeError: Expected an integer/);
  expect(errorOf(() => Value('i').wait('1' as never, 0))).toMatch(
    /^TypeError: Expected an integer/,
  );
  expect(errorOf(() => Value('i').wait(0, 'x' as never))).toMatch(/^TypeError: .* for timeout/);
  expect(errorOf(() => Value('i').notify(1.5))).toMatch(/^TypeError: .* for count/);
  expect(errorOf(() => SharedArray('i', 2).add(2, 1))).toBe('IndexError: invalid index');
  expect(errorOf(() => atomics.notify(RawArray('i', 2), -1))).toBe('IndexError: invalid index');
  expect(errorOf(() => atomics.wait([] as never, 0, 0, 0))).toMatch(/^TypeError: .* 4-byte/);
  for (const code of ['h', 'q'] as const) {
    expect(errorOf(() => RawValue(code).wait(0, 0))).toMatch(/^TypeError: .* 4-byte/);
  }
});

test('add() from many processes loses nothing', () => {
  const value = Value('i', 0);
  const array = SharedArray('q', 2);
  const children = [1, 2, 3].map(
    () =>
      new Process({
        target() {
          for (let i = 0; i < 20_000; i++) {
            value.add(1);
            array.add(1, 2);
          }
        },
      }),
  );
  for (const child of children) child.start();
  for (const child of children) child.join(patience);
  expect([value.value, array[1]]).toEqual([60_000, 120_000n]);
});

describe.each(['i', 'I'] as const)('waiting: code %s', (code) => {
  test('wait() sleeps until another process has changed the value', () => {
    const ping = RawValue(code, 0);
    const pong = Value(code, 0);
    const child = new Process({
      target() {
        for (let round = 0; round < 50; round++) {
          if (!ping.wait(round, patience)) process.exit(1);
          pong.add(1);
          pong.notify();
        }
      },
    });
    child.start();
    for (let round = 0; round < 50; round++) {
      ping.store(round + 1);
      ping.notify();
      expect(pong.wait(round, patience)).toBe(true);
    }
    child.join(patience);
    expect([child.exitcode, pong.value]).toEqual([0, 50]);
  });

  test('wait() returns at once for another value, and false after the timeout', () => {
    const value = Value(code, -1);
    expect(value.wait(0)).toBe(true);
    const began = performance.now();
    expect(value.wait(-1, 0.05)).toBe(false);
    expect(performance.now() - began).toBeGreaterThan(45);
    expect(value.wait(-1, 0)).toBe(false);
  });

  test('waitAsync() leaves the event loop free; notify() wakes all', async () => {
    const array = SharedArray(code, 2);
    const waits = [1, 2, 3].map(() => array.waitAsync(1, 0, patience));
    expect(await array.waitAsync(0, 0, 0.01)).toBe(false);
    const child = new Process({
      target() {
        array.store(1, 5);
        array.notify(1);
      },
    });
    expect(exitcodeOf(child)).toBe(0);
    expect(await Promise.all(waits)).toEqual([true, true, true]);
  });

  test('the functions for typed arrays', async () => {
    const array = RawArray(code, [7, 8]);
    expect(atomics.wait(array, 1, 8, 0.01)).toBe(false);
    expect(atomics.wait(array, 1, 7)).toBe(true);
    const wait = atomics.waitAsync(array, 0, 7, patience);
    Atomics.store(array, 0, 1);
    expect(atomics.notify(array, 0, 0)).toBe(0);
    atomics.notify(array, 0, 5);
    expect(await wait).toBe(true);
    expect(await rejectionOf(atomics.waitAsync(array, 2, 0))).toBe('IndexError: invalid index');
  });
});

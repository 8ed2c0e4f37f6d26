import { Process, ShareableList, SharedMemory } from 'multiproc';
import { deserialize, serialize } from 'multiproc/serialization';

import { errorOf, exitcodeOf, expectNoChildren } from './lib/child';
import { exists, removeSegments, uniqueName } from './lib/segments';

type Items = ConstructorParameters<typeof ShareableList>[0];

const made = new Set<string>();
const everything = ['howdy', Buffer.from('HoWdY'), -273.154, 100, null, true, 42] as const;
const itsFormat = '8s8sdqxxxxxx?xxxxxxxx?q';

/** A new list, unlinked after the test. */
function listOf(items: Items, name?: string): ShareableList {
  const list = new ShareableList(items, name === undefined ? {} : { name });
  made.add(list.shm.name);
  return list;
}

afterEach(() => {
  removeSegments(made);
  made.clear();
  expectNoChildren();
});

describe('basics', () => {
  test('C237: format, length, index, negative indexes, iteration', () => {
    const list = listOf(everything);
    expect(list.format).toBe(itsFormat);
    expect(list).toHaveLength(7);
    expect(list.shm.size).toBe(191);
    expect([...list]).toEqual(everything);
    expect([list[0], list.get(0), list.at(0)]).toEqual(['howdy', 'howdy', 'howdy']);
    expect([list[-7], list[-2], list.at(-1), list.get(-1)]).toEqual(['howdy', true, 42, 42]);
    expect([list.index(42), list.index(null), list.index(Buffer.from('HoWdY'))]).toEqual([6, 4, 1]);
    expect(errorOf(() => list.index('absent'))).toBe(
      'ValueError: ShareableList.index(x): x not in list',
    );
  });

  test('C237: an item of the same type leaves the format', () => {
    const list = listOf(everything);
    list[0] = 'hello';
    list[1] = Buffer.from('bytes');
    list[2] = 1.5;
    list[-1] = 43;
    list.set(-2, false);
    list[3] = -100;
    list[4] = null;
    expect(list.format).toBe(itsFormat);
    expect([...list]).toEqual(['hello', Buffer.from('bytes'), 1.5, -100, null, false, 43]);
  });

  test('C238: an item of another type', () => {
    const list = listOf(everything);
    list[3] = 1.5;
    expect([list.format, list[3]]).toEqual(['8s8sddxxxxxx?xxxxxxxx?q', 1.5]);
    list[4] = 'string';
    expect([list.format, list[4]]).toEqual(['8s8sdd8sxxxxxxx?q', 'string']);
    list[0] = null;
    list[5] = Buffer.from('12345678');
    expect(list.format).toBe('xxxxxx?x8sdd8s8sq');
    expect([...list]).toEqual([
      null,
      Buffer.from('HoWdY'),
      -273.154,
      1.5,
      'string',
      Buffer.from('12345678'),
      42,
    ]);
  });

  test('C238: strings and bytes up to the room that there is', () => {
    const list = listOf(everything);
    list[0] = '12345678';
    list[0] = 'ö€€'; // 8 bytes
    expect(list[0]).toBe('ö€€');
    const before = Buffer.from(list.shm.buf!);
    const text = 'ValueError: bytes/str item exceeds available storage';
    expect(errorOf(() => (list[0] = '123456789'))).toBe(text);
    expect(errorOf(() => (list[0] = 'ööööö'))).toBe(text);
    expect(errorOf(() => (list[1] = Buffer.alloc(9, 1)))).toBe(text);
    expect(errorOf(() => (list[3] = '123456789'))).toBe(text);
    expect(list.shm.buf!.equals(before)).toBe(true);
  });

  test('a long slot takes numbers, and long strings again', () => {
    const list = listOf(['x'.repeat(20), 5]);
    expect(list.format).toBe('24sq');
    list[0] = 7;
    expect([list.format, list[0]]).toEqual(['qq', 7]);
    list[0] = 'y'.repeat(24);
    expect([list.format, ...list]).toEqual(['24sq', 'y'.repeat(24), 5]);
    list[0] = 'short';
    expect([...list]).toEqual(['short', 5]);
  });

  test('C239: count', () => {
    const list = listOf([1, 'a', 1, true, 'a', Buffer.from('a'), null, 1.5]);
    expect([list.count(1), list.count('a'), list.count(true), list.count(null)]).toEqual([
      2, 2, 1, 1,
    ]);
    expect([list.count(1n), list.count(Buffer.from('a')), list.count('z')]).toEqual([2, 1, 0]);
  });

  test('C239: a duplicate is independent; attaching by name is not', () => {
    const list = listOf(everything);
    const name = uniqueName();
    const duplicate = listOf(list, name);
    expect([duplicate.shm.name, [...duplicate]]).toEqual([name, [...everything]]);
    duplicate[-1] = 'ex';
    const attached = new ShareableList(null, { name });
    expect([list[-1], duplicate[-1], attached[-1]]).toEqual([42, 'ex', 'ex']);
    attached[-1] = 1;
    expect(duplicate[-1]).toBe(1);
  });

  test('C239: an empty list', () => {
    const list = listOf([]);
    expect([list.length, [...list], list.format, list.shm.size]).toEqual([0, [], '', 16]);
    expect(errorOf(() => list[0])).toBe('IndexError: index out of range');
    expect(new ShareableList(null, { name: list.shm.name })).toHaveLength(0);
    expect(listOf(undefined)).toHaveLength(0);
  });

  test('the text for people', () => {
    const list = listOf(['a', 1]);
    const { name } = list.shm;
    expect(String(list)).toBe(`ShareableList([ 'a', 1 ], name='${name}')`);
    list.shm.close();
    expect(String(list)).toBe(`ShareableList(closed, name='${name}')`);
    expect(errorOf(() => list[0])).toBe('ValueError: the shared memory of this list is closed');
  });
});

describe('indexes', () => {
  test('out of range', () => {
    const list = listOf([1, 2]);
    for (const index of [2, -3, -100, 2 ** 40]) {
      expect(errorOf(() => list[index])).toBe('IndexError: index out of range');
      expect(errorOf(() => list.get(index))).toBe('IndexError: index out of range');
      expect(errorOf(() => (list[index] = 1))).toBe('IndexError: assignment index out of range');
    }
    expect([...list]).toEqual([1, 2]);
  });

  test('only integers', () => {
    const list: any = listOf([1]);
    expect(errorOf(() => list.get(0.5))).toMatch(/^TypeError: Expected an integer for index/);
    expect(errorOf(() => list.get('0'))).toMatch(/^TypeError: Expected an integer for index/);
    expect([list['00'], list['0.5'], list['-0'], list.undefined]).toEqual(Array(4).fill(undefined));
  });

  test('the list is an ordinary object', () => {
    class Sub extends ShareableList {
      field = 'own';
      first(): unknown {
        return this[0];
      }
    }
    const list = new Sub([7]);
    made.add(list.shm.name);
    expect(list).toBeInstanceOf(ShareableList);
    expect(list).toBeInstanceOf(Object);
    expect([list.field, list.first(), Object.keys(list)]).toEqual(['own', 7, ['shm', 'field']]);
    expect(require('node:util').types.isProxy(list)).toBe(false);
    expect(typeof list.hasOwnProperty).toBe('function');
  });
});

describe('values', () => {
  test.each([
    0,
    -1,
    Number.MAX_SAFE_INTEGER,
    2n ** 63n - 1n,
    -(2n ** 63n),
    1.5,
    -0,
    NaN,
    Infinity,
    1e300,
    2 ** 60,
    true,
    false,
    null,
    '',
    'ü€😀',
    Buffer.alloc(0),
    Buffer.from([0, 1, 255]),
  ])('%p', (value) => {
    const list = listOf([value, 'neighbour']);
    expect(list[0]).toEqual(value);
    const other = listOf(['x'.repeat(30), 'neighbour']);
    other[0] = value;
    expect([...other]).toEqual([value, 'neighbour']);
  });

  test('an int64 is a number again when that is exact', () => {
    expect([...listOf([5n, -5n, 2n ** 53n])]).toEqual([5, -5, 2n ** 53n]);
  });

  test('multi-byte strings are whole: slots are as long as their bytes', () => {
    const list = listOf(['é'.repeat(7), 'é'.repeat(8)]);
    expect(list.format).toBe('16s24s');
    expect([...list]).toEqual(['é'.repeat(7), 'é'.repeat(8)]);
  });

  test('NULs at the end are lost, as in Python: the layout cannot tell them from padding', () => {
    const list = listOf(['a\0b\0\0', Buffer.from([0, 1, 0])]);
    expect([...list]).toEqual(['a\0b', Buffer.from([0, 1])]);
  });

  test('what does not fit changes nothing', () => {
    const list = listOf([1, 2, 3]);
    const before = Buffer.from(list.shm.buf!);
    const assign = (value: any) => errorOf(() => (list[1] = value));
    expect(assign(2n ** 63n)).toBe('OverflowError: 9223372036854775808 does not fit into an int64');
    expect(assign(undefined)).toMatch(/^TypeError: Expected a number, bigint, boolean, string/);
    expect(assign({})).toMatch(/^TypeError/);
    expect(list.shm.buf!.equals(before)).toBe(true);
  });

  test('an unsupported item makes no list', () => {
    const name = uniqueName();
    expect(errorOf(() => listOf([1, [] as any], name))).toMatch(/^TypeError/);
    expect(errorOf(() => listOf([2n ** 64n], name))).toMatch(/^OverflowError/);
    expect(exists(name)).toBe(false);
  });

  test('bytes are copies', () => {
    const list = listOf([Buffer.from('abc')]);
    const item = list[0] as Buffer;
    item[0] = 0;
    expect(list[0]).toEqual(Buffer.from('abc'));
  });
});

describe('attaching', () => {
  test.each([
    ['zeros', Buffer.alloc(64), undefined],
    ['a length beyond the segment', words(1e6), /is no ShareableList$/],
    ['a negative length', words(-1), /is no ShareableList$/],
    ['offsets beyond the segment', words(1, 0, 4096), /is no ShareableList$/],
    ['offsets that go back', words(2, 0, -8, 16), /is no ShareableList$/],
    ['too short', Buffer.alloc(8), /is no ShareableList$/],
  ])('to something else: %s', (_, bytes, text) => {
    const segment = new SharedMemory({ create: true, size: bytes.length });
    made.add(segment.name);
    bytes.copy(segment.buf!);
    const error = errorOf(() => new ShareableList(null, { name: segment.name }));
    if (text) expect(error).toMatch(text);
    else expect(error).toBeUndefined();
  });

  test('a child changes it in place', () => {
    const list = listOf(['mine', 1]);
    const target = (): void => {
      list[0] = 'childs';
      const same = new ShareableList(null, { name: list.shm.name });
      same[1] = (same[1] as number) + 1;
    };
    expect(exitcodeOf(new Process({ target }))).toBe(0);
    expect([...list]).toEqual(['childs', 2]);
  });

  test('serialised, it is the same list', () => {
    const list = listOf(everything);
    const { buffer, length } = serialize(list);
    const copy = deserialize(Buffer.from(buffer.subarray(0, length))) as ShareableList;
    copy[0] = 'changed';
    list[-1] = 0;
    expect([list[0], copy[-1]]).toEqual(['changed', 0]);
  });

  test('C241: not after unlink()', () => {
    const list = listOf([1]);
    const { buffer, length } = serialize(list);
    const bytes = Buffer.from(buffer.subarray(0, length));
    list.shm.unlink();
    expect(errorOf(() => deserialize(bytes))).toMatch(/^FileNotFoundError: \[Errno 2\]/);
  });
});

function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(64);
  values.forEach((value, index) => buffer.writeBigInt64LE(BigInt(value), index * 8));
  return buffer;
}

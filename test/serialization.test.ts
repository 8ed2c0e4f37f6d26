/** What may cross process borders, and what it is on the other side. */

import { createContext, runInContext } from 'node:vm';

import { register } from 'multiproc';
import { deserialize, serialize } from 'multiproc/serialization';

import { crossed, messageOf } from './lib/crossing';

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {
    if (arguments.length === 0) throw new Error('constructor called');
  }
  length(): number {
    return Math.hypot(this.x, this.y);
  }
}
register(Point);

/** The class and the content of a boxed primitive. */
function described(value: any): string {
  return `${Object.prototype.toString.call(value)} ${String(value.valueOf())}`;
}

describe('primitives', () => {
  const integers = [
    0,
    1,
    63,
    64,
    127,
    128,
    -1,
    -128,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 31,
    2 ** 53 - 1,
  ];
  const floats = [-0, 0.1, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE];

  test.each([...integers, ...floats])('the number %p', (value) => {
    expect(Object.is(crossed(value), value)).toBe(true);
  });

  test.each([null, undefined, true, false])('%p', (value) => {
    expect(crossed(value)).toBe(value);
  });

  test.each([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, -(10n ** 100n)])('%p', (value) => {
    expect(crossed(value)).toBe(value);
  });

  test('strings of every length and width', () => {
    for (const character of ['a', '\0', 'é', 'ж', '漢', '😀', '\ud800', '\udc00x']) {
      for (const length of [
        0, 1, 2, 5, 6, 7, 8, 23, 24, 25, 62, 63, 64, 65, 127, 128, 300, 20_000,
      ]) {
        const value = character.repeat(length);
        expect(crossed(value) === value).toBe(true);
        expect(crossed(`${value}a`) === `${value}a`).toBe(true);
        expect(Object.keys(crossed({ [value]: 1 }))).toEqual([value]);
      }
    }
  });

  test('symbols that both sides can find', () => {
    expect(crossed(Symbol.for('multiproc test'))).toBe(Symbol.for('multiproc test'));
    expect(crossed(Symbol.iterator)).toBe(Symbol.iterator);
  });
});

describe('objects', () => {
  test('plain and without prototype', () => {
    const value = { a: 1, 'b c': { 2: [null] }, '': undefined };
    expect(crossed(value)).toStrictEqual(value);
    expect(Object.getPrototypeOf(crossed({}))).toBe(Object.prototype);
    const bare = Object.assign(Object.create(null), { a: 1, toString: 2 });
    expect(Object.getPrototypeOf(crossed(bare))).toBe(null);
    expect({ ...crossed(bare) }).toEqual({ a: 1, toString: 2 });
  });

  test('own enumerable fields only; getters are read', () => {
    const value = Object.defineProperties({ a: 1 } as any, {
      hidden: { value: 1 },
      got: { enumerable: true, get: () => 'read' },
    });
    value[Symbol('s')] = 1;
    expect(Object.getOwnPropertyDescriptors(crossed(value))).toEqual({
      a: { value: 1, writable: true, enumerable: true, configurable: true },
      got: { value: 'read', writable: true, enumerable: true, configurable: true },
    });
  });

  test('a field that is called __proto__ is a field', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "x": 1}');
    const result = crossed(value);
    expect(Object.keys(result)).toEqual(['__proto__', 'x']);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(result.polluted).toBe(undefined);
  });

  test('no setter is called, not even one of Object.prototype', () => {
    const message = messageOf({ trap: 1 });
    let calls = 0;
    Object.defineProperty(Object.prototype, 'trap', { configurable: true, set: () => calls++ });
    try {
      expect(Object.getOwnPropertyDescriptor(deserialize(message), 'trap')?.value).toBe(1);
    } finally {
      delete (Object.prototype as any).trap;
    }
    expect(calls).toBe(0);
  });

  test('shared and circular references', () => {
    const shared = { x: 1 };
    const value: any = { one: shared, two: shared, list: [shared] };
    value.self = value;
    value.map = new Map([[value, value]]);
    value.set = new Set([value.map]);
    const result = crossed(value);
    expect(result.one).toBe(result.two);
    expect(result.list[0]).toBe(result.one);
    expect(result.self).toBe(result);
    expect(result.map.get(result)).toBe(result);
    expect(result.set.has(result.map)).toBe(true);
    const many = Array.from({ length: 100 }, (_, i) => ({ i }));
    const twice = crossed([many, many.toReversed()]);
    expect(twice[0]!.every((each, i) => each.i === i && twice[1]![99 - i] === each)).toBe(true);
  });

  test('a list of any length and trees of any depth', () => {
    let list: any = null;
    for (let i = 0; i < 200_000; i++) list = { i, next: list };
    let nodes = 0;
    for (let node = crossed(list); node !== null; node = node.next) nodes += node.i >= 0 ? 1 : 0;
    expect(nodes).toBe(200_000);

    let mixed: any = 'bottom';
    for (let i = 0; i < 1500; i++) {
      mixed = new Map([[new Set([Object.assign(new Point(i, i), { a: [mixed] })]), i]]);
      mixed = Object.assign(new Error('e'), { mixed });
    }
    let result = crossed(mixed);
    for (let i = 1499; i >= 0; i--) {
      const [[set, number]] = result.mixed;
      expect(number).toBe(i);
      const [point] = set;
      expect(point).toBeInstanceOf(Point);
      expect(result).toBeInstanceOf(Error);
      result = point.a[0];
    }
    expect(result).toBe('bottom');
  });
});

describe('arrays', () => {
  test('holes, fields, sparse ones', () => {
    const values: any[] = [
      [],
      [undefined],
      [1, , 3], // eslint-disable-line no-sparse-arrays
      [, ,], // eslint-disable-line no-sparse-arrays
      new Array(3),
      Object.assign([1, 2], { name: 'x', '-1': 2 }),
      Object.assign(new Array(2), { name: 'x', other: 'y' }),
      /b(?<rest>.)/.exec('abc'),
      Array.from({ length: 500 }, (_, i) => i),
      Object.assign(
        Array.from({ length: 500 }, (_, i) => i),
        { name: 'x' },
      ),
      Object.assign(new Array(5000), { 4000: 'here' }),
    ];
    values.push(values[8].map((i: number) => i));
    delete values.at(-1)[250];
    delete values.at(-1)[499];
    for (const value of values) {
      const result = crossed(value);
      expect(result).toStrictEqual(value);
      expect(Object.keys(result)).toEqual(Object.keys(value));
      expect(result.length).toBe(value.length);
    }
  });

  test('a length alone takes neither time nor bytes', () => {
    const message = messageOf(new Array(4_000_000_000));
    expect(message.length).toBeLessThan(20);
    expect(deserialize(message)).toHaveLength(4_000_000_000);
  });
});

describe('built-in classes', () => {
  test('boxed primitives', () => {
    const values = [1, 'text', false, 5n, Symbol.iterator].map((value) => Object(value));
    for (const value of values) {
      expect(described(crossed(value))).toBe(described(value));
      expect(typeof crossed(value)).toBe('object');
      expect(crossed(value).valueOf()).toBe(value.valueOf());
    }
  });

  test('dates and regular expressions', () => {
    expect(crossed(new Date(12345.0)).getTime()).toBe(12345);
    expect(crossed(new Date(NaN)).getTime()).toBe(NaN);
    const pattern = /a(\/b)+/dgimsuy;
    pattern.lastIndex = 3;
    expect(crossed(pattern)).toEqual(/a(\/b)+/dgimsuy);
    expect(crossed(pattern).lastIndex).toBe(0);
    expect(crossed(new RegExp('')).source).toBe('(?:)');
  });

  test('maps and sets keep their order', () => {
    const map = new Map<unknown, unknown>([
      [1, 'a'],
      ['1', new Set([3, 2, 1])],
      [NaN, null],
    ]);
    expect([...crossed(map)]).toEqual([...map]);
  });

  test('binary data: the part that is viewed', () => {
    const buffer = Uint8Array.from({ length: 64 }, (_, i) => i * 3).buffer;
    expect(new Uint8Array(crossed(buffer))).toEqual(new Uint8Array(buffer));
    const names = ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32'];
    names.push('Float16', 'Float32', 'Float64', 'BigInt64', 'BigUint64');
    for (const name of names) {
      const View: any = Reflect.get(globalThis, `${name}Array`);
      if (View === undefined) continue;
      const result = crossed({ pad: 1, view: new View(buffer, 8, 3) }).view;
      expect(result).toEqual(new View(buffer, 8, 3));
      expect(Object.getPrototypeOf(result)).toBe(View.prototype);
      expect(result.buffer.byteLength).toBe(3 * View.BYTES_PER_ELEMENT);
    }
    const view = crossed(new DataView(buffer, 5, 7));
    expect(view).toBeInstanceOf(DataView);
    expect([view.byteLength, view.getUint8(0)]).toEqual([7, 15]);
    const text = crossed(Buffer.from('some bytes'));
    expect(Buffer.isBuffer(text) && text.toString()).toBe('some bytes');
    expect(crossed([new Uint8Array(0), new ArrayBuffer(0)])[0]).toHaveLength(0);
  });

  test('a resizable buffer arrives as a plain one', () => {
    const buffer = new (ArrayBuffer as any)(8, { maxByteLength: 16 });
    new Uint8Array(buffer).set([1, 2, 3]);
    const result = crossed(buffer);
    expect([...new Uint8Array(result)]).toEqual([1, 2, 3, 0, 0, 0, 0, 0]);
    expect(result.resizable ?? false).toBe(false);
  });

  test('values of another realm become those of this one', () => {
    const value = runInContext(
      `({ map: new Map([[1, [2, { three: new Date(3) }]]]), re: /x/g, error: new RangeError('r'),
          floats: new Float32Array([1.5]), set: new Set('a'), boxed: new Number(4) })`,
      createContext(),
    );
    const result = crossed(value);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(result.map.get(1)).toStrictEqual([2, { three: new Date(3) }]);
    expect(result.error).toBeInstanceOf(RangeError);
    expect(result.re).toBeInstanceOf(RegExp);
    expect(result.floats).toEqual(new Float32Array([1.5]));
    expect(result.set).toEqual(new Set('a'));
    expect(result.boxed).toEqual(Object(4));
  });
});

describe('binary parts and the message', () => {
  const value = { a: 'x', floats: new Float64Array(10_000).fill(0.5), small: new Uint8Array(8) };

  test('views of an owned message, aligned', () => {
    const message = messageOf(value);
    // A Buffer of its own has offset 0.
    const bytes = new Uint8Array(message.length);
    bytes.set(message);
    const result = deserialize(bytes, [], true) as typeof value;
    expect(result).toEqual(value);
    expect(result.floats.buffer).toBe(bytes.buffer);
    expect(result.floats.byteOffset % 8).toBe(0);
    expect(result.small.buffer).not.toBe(bytes.buffer);
  });

  test('copies, if it is not owned or would not be aligned', () => {
    const message = messageOf(value);
    const odd = new Uint8Array(message.length + 1).subarray(1);
    odd.set(message);
    for (const owned of [true, false]) {
      const result = deserialize(odd, undefined, owned) as typeof value;
      odd.fill(0xff, 20);
      expect(result).toEqual(value);
      odd.set(message);
    }
  });
});

describe('the encoder', () => {
  test('gives the same object each time, and a large buffer back', () => {
    const first = serialize('a');
    const { buffer } = first;
    expect(serialize([1, 2])).toBe(first);
    expect(first.buffer).toBe(buffer);
    serialize(new Uint8Array(6_000_000));
    expect(first.length).toBeGreaterThan(6_000_000);
    expect(serialize('a').buffer.length).toBeLessThan(4_000_000);
  });

  test('a getter may serialise too', () => {
    const value = {
      get inner() {
        return messageOf({ inner: [1, { x: 'y' }] }).length;
      },
      after: [2],
    };
    expect(crossed([value, value])[1]!.after).toEqual([2]);
  });
});

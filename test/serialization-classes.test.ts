/** Classes and functions that are known by name, and descriptors that travel along. */

import { closeSync, fstatSync, openSync } from 'node:fs';

import { register } from 'multiproc';
import { deserialize, serialize } from 'multiproc/serialization';

import { errorOf, expectNoChildren, inChild } from './lib/child';
import { crossed, messageOf, refusalOf } from './lib/crossing';
import * as exported from './lib/exported';

const alone = require('./lib/exported-alone');

afterEach(expectNoChildren);

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

describe('registered classes and functions', () => {
  test('an instance gets its prototype without a call of the constructor', () => {
    const result = crossed([new Point(3, 4)])[0]!;
    expect(result).toBeInstanceOf(Point);
    expect(result.length()).toBe(5);
    expect(Object.keys(result)).toEqual(['x', 'y']);
  });

  test('no setter of the class is called', () => {
    let calls = 0;
    class Guarded {
      set guarded(_value: unknown) {
        calls++;
      }
    }
    register(Guarded);
    const guarded = Object.defineProperty(new Guarded(), 'guarded', { value: 1, enumerable: true });
    expect(Object.getOwnPropertyDescriptor(crossed(guarded), 'guarded')?.value).toBe(1);
    expect(calls).toBe(0);
  });

  test('hooks make it of what they gave', () => {
    class Secret {
      #value: unknown;
      constructor(value: unknown) {
        this.#value = value;
      }
      get value(): unknown {
        return this.#value;
      }
      static reduce = (secret: Secret): unknown => ({ inner: secret.#value });
    }
    const construct = (parts: { inner: unknown }): Secret => new Secret(parts.inner);
    register(Secret, { name: 'test.Secret', reduce: Secret.reduce, construct });
    const secret = new Secret([1, new Secret('in')]);
    const [one, two] = crossed([secret, secret]) as [any, any];
    expect(one).toBe(two);
    expect(one.value[1].value).toBe('in');

    let nested = secret;
    for (let i = 0; i < 100; i++) nested = new Secret({ a: { nested } });
    let depth = 0;
    for (let each: any = crossed(nested); each.value.a; each = each.value.a.nested) depth++;
    expect(depth).toBe(100);
  });

  test('construct has all the parts, however deep they are', () => {
    class Deep {
      constructor(
        readonly parts: any,
        readonly levels: number,
      ) {}
    }
    const levels = (parts: any): number => {
      let count = 0;
      for (let each = parts; each !== undefined; each = each.in) count++;
      return count;
    };
    register(Deep, { reduce: (d: Deep) => d.parts, construct: (p) => new Deep(p, levels(p)) });
    let parts: any = {};
    for (let i = 1; i < 5000; i++) parts = { in: parts };
    let holder: any = new Deep(parts, 0);
    for (let i = 0; i < 100; i++) holder = [holder];
    expect(crossed(holder).flat(Infinity)[0].levels).toBe(5000);
  });

  test('a hook may serialise too', () => {
    class Packed {
      bytes: Buffer = messageOf({ packed: [1, 2] });
    }
    register(Packed, {
      reduce: () => messageOf({ packed: [1, 2] }),
      construct: (bytes: Buffer) => Object.assign(new Packed(), { value: deserialize(bytes) }),
    });
    const result: any = crossed({ before: [1], one: new Packed(), two: new Packed(), after: 'x' });
    expect(result.one.value).toEqual({ packed: [1, 2] });
    expect(result.two.value).toEqual({ packed: [1, 2] });
    expect([result.before, result.after]).toEqual([[1], 'x']);
  });

  test('functions: registered ones, exported ones, classes', () => {
    const local = register(() => 'local', { name: 'test.local' });
    expect(crossed(local)).toBe(local);
    expect(crossed(Point)).toBe(Point);
    expect(crossed([exported.twice])[0]).toBe(exported.twice);
    expect(crossed(exported.Exported)).toBe(exported.Exported);
    expect(crossed(alone)).toBe(alone);
  });

  test('a getter of an export is left alone, unless a compiler made it', () => {
    expect(refusalOf(() => 1)).toMatch('neither registered nor exported');
    expect(alone.loads()).toBe(0);
  });

  test('a name belongs to one', () => {
    const first = register(() => 1, { name: 'test.taken' });
    expect(register(first, { name: 'test.taken' })).toBe(first);
    expect(errorOf(() => register(() => 2, { name: 'test.taken' }))).toBe(
      "ValueError: The name 'test.taken' is registered already, for something else",
    );
    expect(errorOf(() => register(first, { name: 'test.other' }))).toBe(
      "ValueError: It is registered already, as 'test.taken'",
    );
    expect(
      errorOf(() =>
        register(
          (
            () => () =>
              3
          )(),
        ),
      ),
    ).toMatch('ValueError: Something without');
    expect(errorOf(() => register({} as any))).toMatch('TypeError: Expected a class or a function');
    expect(errorOf(() => register(first, { nmae: 'x' } as any))).toMatch(
      "unexpected option 'nmae'",
    );
    expect(errorOf(() => register(first, { name: 'test.taken', reduce: () => 1 }))).toBe(
      'TypeError: reduce and construct are two halves: give both or none',
    );
  });

  test('they are known in a child', () => {
    const message = messageOf({ point: new Point(3, 4), twice: exported.twice });
    const target = (): unknown => {
      const { point, twice } = deserialize(message) as any;
      return [twice(point.length()), serialize(point).length > 0];
    };
    expect(inChild(target)).toEqual([10, true]);
  });
});

describe('descriptors', () => {
  class Handle {
    constructor(readonly fd: number) {}
  }
  let broken = false;
  register(Handle, {
    name: 'test.Handle',
    reduce: ({ fd }: Handle, out) => out.add(fd),
    construct: (index: number, from) => {
      if (broken) throw new Error('broken');
      return new Handle(from.take(index));
    },
  });
  const opened = (): number => openSync('/dev/null', 'r');
  const isOpen = (fd: number): boolean => errorOf(() => fstatSync(fd)) === undefined;

  afterEach(() => {
    broken = false;
  });

  test('they travel beside the message, borrowed', () => {
    const { descriptors } = serialize([new Handle(70), 'x', new Handle(71)]);
    expect(descriptors).toEqual([70, 71]);
    expect(serialize(1).descriptors).toEqual([]);
    expect(serialize({}).descriptors).toEqual([]);
  });

  test('taken ones stay open, others are closed', () => {
    const [taken, left] = [opened(), opened()];
    const [handle] = deserialize(messageOf([new Handle(0)]), [taken, left]) as [Handle];
    expect(handle.fd).toBe(taken);
    expect([isOpen(taken), isOpen(left)]).toEqual([true, false]);
    closeSync(taken);
  });

  test('closed when decoding fails', () => {
    const fds = [opened(), opened()];
    broken = true;
    expect(errorOf(() => deserialize(messageOf(new Handle(0)), fds))).toBe(
      'UnpicklingError: cannot unpickle: broken',
    );
    expect(fds.map(isOpen)).toEqual([false, false]);
  });

  test('one that did not come, or was taken before', () => {
    const message = messageOf(new Handle(0));
    expect(errorOf(() => deserialize(message))).toMatch(
      'UnpicklingError: there is no descriptor 0',
    );
    const fd = opened();
    register(Handle, {
      name: 'test.Handle',
      reduce: ({ fd }: Handle, out) => out.add(fd),
      construct: (index: number, from) => [from.take(index), from.take(index)],
    });
    expect(errorOf(() => deserialize(message, [fd]))).toMatch('descriptor 0 is taken already');
    closeSync(fd);
  });
});

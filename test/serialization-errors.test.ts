/** Errors that cross, and the errors for what cannot. */

import * as multiproc from 'multiproc';
import { register } from 'multiproc';
import { deserialize, serialize } from 'multiproc/serialization';

import { errorOf } from './lib/child';
import { crossed, messageOf, refusalOf } from './lib/crossing';

const systemError = { errno: 32, text: 'Broken pipe', syscall: 'write', path: '/x' };

describe('errors as values', () => {
  const natives = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];

  test.each(natives.map((each) => [each.name, each] as const))('%s', (_name, Native) => {
    const error = new Native('text', { cause: new Map([[1, 2]]) });
    const result = crossed(error);
    expect(Object.getPrototypeOf(result)).toBe(Native.prototype);
    expect(Object.prototype.toString.call(result)).toBe('[object Error]');
    expect(result.message).toBe('text');
    expect(result.stack).toBe(error.stack);
    expect(result.cause).toEqual(new Map([[1, 2]]));
    expect(Object.keys(result)).toEqual([]);
  });

  test('without a message, with fields, with itself as its cause', () => {
    const error: any = new Error();
    Object.assign(error, { code: 'E_X', list: [1] });
    error.cause = error;
    const result = crossed(error);
    expect(Object.hasOwn(result, 'message')).toBe(false);
    expect({ ...result }).toEqual({ code: 'E_X', list: [1], cause: result });
  });

  test('AggregateError', () => {
    const result = crossed(new AggregateError([new TypeError('one'), 2], 'several'));
    expect(result).toBeInstanceOf(AggregateError);
    expect(result.errors[0]).toBeInstanceOf(TypeError);
    expect([result.errors[1], result.message]).toEqual([2, 'several']);
  });

  test('DOMException', () => {
    const result = crossed(new DOMException('stopped', 'AbortError'));
    expect(result).toBeInstanceOf(DOMException);
    expect([result.message, result.name, result.code]).toEqual(['stopped', 'AbortError', 20]);
    expect(crossed(AbortSignal.abort().reason).name).toBe('AbortError');
  });

  test('of the library', () => {
    const system = crossed(new multiproc.BrokenPipeError(systemError));
    expect(system).toBeInstanceOf(multiproc.BrokenPipeError);
    expect(system.message).toBe("[Errno 32] Broken pipe: '/x'");
    expect(Object.assign({}, system)).toEqual({
      code: 'EPIPE',
      errno: -32,
      syscall: 'write',
      path: '/x',
    });
    const short = crossed(new multiproc.BufferTooShort(Buffer.from('whole')));
    expect(short.args[0].toString()).toBe('whole');
    for (const Class of [multiproc.Empty, multiproc.ValueError, multiproc.PicklingError]) {
      expect(crossed(new Class('m'))).toBeInstanceOf(Class);
    }
    expect(crossed(new multiproc.EOFError()).name).toBe('EOFError');
  });

  test('of an unregistered class: the nearest class that both sides know', () => {
    class Special extends multiproc.ValueError {
      override name = 'Special';
      detail = { x: 1 };
    }
    class Named extends TypeError {
      override get name(): string {
        return 'Named';
      }
    }
    const error = new Special('m');
    const result: any = crossed(error);
    expect(Object.getPrototypeOf(result)).toBe(multiproc.ValueError.prototype);
    expect([result.name, result.detail, result.stack]).toEqual(['Special', { x: 1 }, error.stack]);
    const named = crossed(new Named('n'));
    expect([String(named), Object.getPrototypeOf(named)]).toEqual([
      'Named: n',
      TypeError.prototype,
    ]);
    expect(Object.keys(named)).toEqual([]);
  });

  test('of a registered class, without a call of its constructor', () => {
    class Registered extends RangeError {
      constructor(readonly required: { x: number }) {
        super(`x is ${required.x}`);
      }
    }
    register(Registered);
    const result = crossed(new Registered({ x: 3 }));
    expect(result).toBeInstanceOf(Registered);
    expect([result.message, result.required]).toEqual(['x is 3', { x: 3 }]);
  });

  test("of Node's own", () => {
    let thrown: any;
    try {
      require('node:fs').readFileSync('/does/not/exist');
    } catch (error) {
      thrown = error;
    }
    const result = crossed(thrown);
    expect(result).toBeInstanceOf(Error);
    expect({ ...result }).toEqual({ ...thrown });
    expect(result.stack).toBe(thrown.stack);
  });

  test('a cause that cannot cross is an error too', () => {
    const error = new Error('e', { cause: { f: () => 1 } });
    expect(refusalOf([error])).toMatch("cannot pickle 'function' object at value[0].cause.f: f is");
  });
});

describe('what cannot cross', () => {
  class Foo {}
  class MyMap extends Map<unknown, unknown> {}
  class MyArray extends Array<unknown> {}
  const names = (value: unknown): string => refusalOf(value)!;

  test('the path of the value', () => {
    const items = [1, 2, 3, new Map([['key', { owner: new Foo() }]])];
    expect(refusalOf({ items })).toBe(
      'PicklingError: cannot pickle \'Foo\' object at value.items[3].get("key").owner: ' +
        'class Foo is not registered: call register(Foo)',
    );
    expect(names(new Foo())).toMatch("'Foo' object at value: class Foo");
    expect(names({ 'a-b': { 7: new Foo() } })).toMatch('at value["a-b"][7]: ');
    expect(names(new Map([[{}, new Foo()]]))).toMatch('at value.get(object): ');
    expect(names({ m: new Map([[new Foo(), 1]]) })).toMatch('at value.m.keys(): ');
    expect(names([new Set([1, new Foo()])])).toMatch('at value[0].values(): ');
    expect(names(Object.assign([1], { extra: new Foo() }))).toMatch('at value.extra: ');
    expect(names(new AggregateError([new Foo()]))).toMatch('at value.errors[0]: ');
    let deep: any = new Foo();
    for (let i = 0; i < 150; i++) deep = i % 2 ? [deep] : { a: deep };
    expect(names(deep)).toMatch(`at value${'[0].a'.repeat(75)}: `);
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(names(deep)).toMatch(/at value\[0\]\S{300,} \.\.\. \S{300,}\[0\]\.a: class Foo/);
  });

  test('parts of hooks, which must not contain the object itself', () => {
    class Wrapper {
      inner: unknown;
    }
    register(Wrapper, {
      reduce: (w: Wrapper) => ({ in: w.inner }),
      construct: () => new Wrapper(),
    });
    const wrapper = new Wrapper();
    wrapper.inner = new Foo();
    expect(names([wrapper])).toMatch('at value[0].reduce().in: class Foo');
    wrapper.inner = [wrapper];
    expect(names(wrapper)).toMatch(
      "'Wrapper' object at value.reduce().in[0]: what its reduce() gave contains it",
    );
  });

  const values: [name: string, value: () => unknown, expected: string][] = [
    [
      'closure',
      () =>
        (
          () => () =>
            1
        )(),
      "'function' object at value: a function without a name is",
    ],
    ['method', () => ({ m() {} }), "'function' object at value.m: m is neither registered nor"],
    ['unique symbol', () => Symbol('u'), "'symbol' object at value: Symbol(u) is unique"],
    ['promise', () => Promise.resolve(), "'Promise' object at value: a promise cannot"],
    ['weak map', () => new WeakMap(), "'WeakMap' object at value: a weak reference"],
    ['weak set', () => new WeakSet(), "'WeakSet' object at value: a weak reference"],
    ['weak reference', () => new WeakRef({}), "'WeakRef' object at value: a weak reference"],
    ['proxy', () => new Proxy({}, {}), "'Proxy' object at value: a proxy"],
    ['proxy of an array', () => [new Proxy([], {})], "'Proxy' object at value[0]: a proxy"],
    ['proxy of a function', () => new Proxy(() => 1, {}), "'Proxy' object at value: a proxy"],
    ['shared memory', () => new SharedArrayBuffer(8), "'SharedArrayBuffer' object at value: it is"],
    ['view of it', () => new Uint8Array(new SharedArrayBuffer(8)), 'it is shared by the threads'],
    ['generator', () => (function* () {})(), "'Generator' object at value: a generator"],
    ['port', () => new MessageChannel().port1, 'class MessagePort is not registered'],
    ['array subclass', () => new MyArray(), 'class MyArray is not registered'],
    ['map subclass', () => new MyMap(), 'class MyMap is not registered'],
    ['iterator', () => [].values(), "'Array Iterator' object at value: its prototype is not"],
    ['own prototype', () => Object.create({ a: 1 }), "'Object' object at value: its prototype is"],
    ['prototype alone', () => Object.create(Date.prototype), 'class Date is not registered'],
    ['built-in function', () => parseInt, 'parseInt is neither registered nor exported'],
  ];

  test.each(values)('%s', (_name, make, expected) => {
    expect(names(make())).toMatch('PicklingError: cannot pickle ');
    expect(names(make())).toMatch(expected);
  });

  test('a detached buffer', () => {
    const buffer = new ArrayBuffer(8);
    const view = new Uint8Array(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    expect(names(buffer)).toMatch('its ArrayBuffer is detached');
    expect(names({ view })).toMatch(
      "'Uint8Array' object at value.view: its ArrayBuffer is detached",
    );
  });

  test('a subclass of a registered class; a registered class that holds more than fields', () => {
    class Base {}
    class Derived extends Base {}
    register(Base);
    expect(names(new Derived())).toMatch('class Derived is not registered');
    class Cache extends Map<unknown, unknown> {}
    register(Cache);
    expect(names(new Cache())).toMatch(
      'class Cache extends Map: call register(Cache, { reduce, construct })',
    );
    register(Cache, { reduce: (c: Cache) => [...c], construct: (entries) => new Cache(entries) });
    expect(crossed(new Cache([[1, 2]]))).toEqual(new Cache([[1, 2]]));
  });

  test('hooks within each other without end', () => {
    class Endless {}
    register(Endless, { reduce: () => new Endless(), construct: () => new Endless() });
    expect(names(new Endless())).toMatch(/^PicklingError: .*it is nested too deeply$/);
    expect(crossed({ a: 1 })).toEqual({ a: 1 });
  });

  test('what a getter throws comes through, and the encoder is clean', () => {
    const failing = {
      a: [{}],
      get b(): unknown {
        throw new RangeError('mine');
      },
    };
    expect(errorOf(() => serialize({ failing }))).toBe('RangeError: mine');
    const shared = {};
    expect(crossed([shared, shared])).toEqual([{}, {}]);
    expect(serialize({}).descriptors).toEqual([]);
    expect(names([1, new Foo()])).toMatch('at value[1]: ');
  });
});

describe('what cannot be read', () => {
  const read = (bytes: Uint8Array): string | undefined => errorOf(() => deserialize(bytes));
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

  test.each([
    ['nothing', bytes(), '1 bytes are missing at byte 0 of 0'],
    ['another version', bytes(9, 1), 'version 9 of the format is unknown'],
    ['an unknown tag', bytes(1, 0x7f), 'no string'],
    ['two values', bytes(1, 1, 1), 'more than one value at byte 2 of 3'],
    ['a cut string', bytes(1, 0xc5, 0x61), '5 bytes are missing'],
    ['a reference to nothing', bytes(1, 0x20, 0), 'there is no object 0 yet'],
    ['an absurd count', bytes(1, 0x23, 0xff, 0xff, 0xff, 0xff, 0x7f), 'too large a count'],
    ['an absurd size', bytes(1, 0x11, ...Array<number>(12).fill(0xff)), 'too large a size'],
    ['an absurd length', bytes(1, 0x33, 0xff, 0xff, 0xff, 0x7f), '2 bytes are missing'],
    ['an unknown class', bytes(1, 0x29, 0xc1, 0x3f, 0x80), 'class ? is not registered here'],
    ['an unknown function', bytes(1, 0x40, 0xc1, 0x3f), '? is not registered here'],
    ['an unknown error', bytes(1, 0x2b, 0, 0xc1, 0x3f), 'the class ? of an error'],
    ['an endless map', bytes(1, 0x26), '1 bytes are missing'],
    ['an unknown view', bytes(1, 0x34, 99, 0), 'unknown kind 99 of array'],
    ['part of an element', bytes(1, 0x34, 9, 1, 0, 0, 0, 0, 0), 'part of an element'],
  ])('%s', (_name, message, expected) => {
    expect(read(message)).toMatch(`UnpicklingError: ${expected}`);
  });

  test('bad UTF-8 is replaced', () => {
    expect(deserialize(bytes(1, 0x11, 2, 0xff, 0x61))).toBe('\ufffda');
  });

  test('nesting without end', () => {
    const message = new Uint8Array(1_000_000).fill(0x26);
    message[0] = 1;
    expect(read(message)).toBe(
      'UnpicklingError: cannot unpickle: Maximum call stack size exceeded',
    );
  });

  test('a field called __proto__ or length', () => {
    const polluting = Buffer.from(messageOf({ ['__proto__' as string]: { x: 1 } }));
    expect(Object.getPrototypeOf(deserialize(polluting))).toBe(Object.prototype);
    const message = Buffer.from(messageOf(Object.assign([1], { lengtx: 5 })));
    message.write('length', message.indexOf('lengtx'));
    expect(read(message)).toMatch('UnpicklingError: cannot unpickle: Cannot redefine property');
  });

  test('a function of a module that has none of that name', () => {
    const { refusalOf: own } = require('./lib/crossing');
    const message = Buffer.from(messageOf(own));
    message.write('refusalOx', message.indexOf('refusalOf'));
    expect(read(message)).toMatch('exports no function refusalOx');
    message.write('x', message.indexOf('crossing'));
    expect(read(message)).toMatch('UnpicklingError: cannot unpickle: Cannot find module');
  });

  test('hooks that throw: the cause is kept; errors of the system come as they are', () => {
    let error: Error;
    class Failing {}
    register(Failing, {
      reduce: () => 1,
      construct: () => {
        throw error;
      },
    });
    const message = messageOf(new Failing());
    error = new TypeError('mine');
    expect(read(message)).toBe('UnpicklingError: cannot unpickle: mine');
    try {
      deserialize(message);
    } catch (thrown) {
      expect((thrown as Error).cause).toBe(error);
    }
    error = new multiproc.FileNotFoundError({ errno: 2, text: 'gone', syscall: 'shm_open' });
    expect(read(message)).toBe('FileNotFoundError: [Errno 2] gone');
    expect(crossed([{}])).toEqual([{}]);
  });
});

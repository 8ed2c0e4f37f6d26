/**
 * What a value is, whichever realm it comes from: a module may run in a context of its own, whose
 * Map is another one than the program's.
 */

import { types } from 'node:util';

// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- classes too
export type AnyFunction = Function;

const names = new WeakMap<object, string>();

/** 'Map' for the Map.prototype of any realm; '' for the prototype of any other class. */
export function nativeName(prototype: object): string {
  let name = names.get(prototype);
  if (name === undefined) {
    name = findNativeName(prototype);
    names.set(prototype, name);
  }
  return name;
}

function findNativeName(prototype: object): string {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof constructor !== 'function' || constructor.prototype !== prototype) return '';
  const { name } = constructor;
  const source = Function.prototype.toString.call(constructor);
  return source === `function ${name}() { [native code] }` ? name : '';
}

/** A prototype and those above it. */
export function* chain(prototype: object | null): Generator<object> {
  for (let each = prototype; each !== null; each = Object.getPrototypeOf(each) as object | null) {
    yield each;
  }
}

/** The native class that gives an object of this prototype what no field holds: Map, Promise. */
export function nativeBase(prototype: object): string | undefined {
  for (const each of chain(prototype)) {
    const name = nativeName(each);
    if (name !== '' && name !== 'Object') return name;
  }
  return undefined;
}

/** The name of a value's class, for people. */
export function typeName(value: unknown): string {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    return typeof value;
  }
  if (types.isProxy(value)) return 'Proxy';
  if (typeof value === 'function') return 'function';
  return className(value) ?? tagOf(value);
}

/** What Object.prototype.toString says: 'Generator', 'Arguments'. */
function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function className(value: object): string | undefined {
  for (const each of chain(Object.getPrototypeOf(value) as object | null)) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(each, 'constructor')?.value;
    if (typeof constructor === 'function' && constructor.name !== '') {
      return constructor.name === 'Object' ? undefined : constructor.name;
    }
  }
  return undefined;
}

/** Why an object cannot cross, and what to do instead. */
export function objection(value: object): string {
  if (types.isProxy(value)) return 'a proxy cannot be copied';
  if (types.isPromise(value)) return 'a promise cannot be copied: await it first';
  if (types.isSharedArrayBuffer(value)) {
    return 'it is shared by the threads of one process only: use SharedMemory';
  }
  if (types.isWeakMap(value) || types.isWeakSet(value) || tagOf(value) === 'WeakRef') {
    return 'a weak reference means nothing in another process';
  }
  if (types.isGeneratorObject(value)) return 'a generator in progress cannot be copied';
  if (types.isModuleNamespaceObject(value)) return 'a module cannot be copied';
  const name = className(value);
  if (name === undefined) return 'its prototype is not that of a class';
  return `class ${name} is not registered: call register(${name})`;
}

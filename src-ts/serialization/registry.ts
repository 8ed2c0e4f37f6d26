/** Classes and functions that are known by name on both sides. */

import { withKnownNames } from '../arguments';
import { expected, ValueError } from '../errors';
import { type AnyFunction, nativeBase } from './kinds';

/** Takes the descriptors that travel along with a message. */
export interface DescriptorSink {
  /** Remembers a descriptor, which stays its owner's; returns its index in the message. */
  add(fd: number): number;
}

/** Gives the descriptors that came with a message. */
export interface DescriptorSource {
  /** The descriptor, which from now on belongs to the caller. */
  take(index: number): number;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the user knows the types of his parts */
export interface RegisterOptions<Instance = any> {
  /** The name in messages: the class's or the function's own by default. */
  name?: string;
  /** What to send in place of an instance: any value that can cross. */
  reduce?: (object: Instance, out: DescriptorSink) => unknown;
  /** Makes the instance of what `reduce` gave. */
  construct?: (parts: any, from: DescriptorSource) => unknown;
}

/** Also of a class with a private constructor. */
export type InstanceOf<T> = T extends { prototype: infer Instance } ? Instance : any;
/* eslint-enable */

export interface Entry extends RegisterOptions {
  readonly name: string;
  readonly what: AnyFunction;
  /** The native class whose instances these are: their fields are not all. */
  readonly base: string | undefined;
}

const byName = new Map<string, Entry>();
const byFunction = new Map<unknown, Entry>();
const byPrototype = new Map<unknown, Entry | undefined>();

/**
 * Makes a class or a function known by name, so that it can cross to other processes. Both sides have
 * to register it, under the same name.
 *
 * A function (and a class itself) crosses by reference. An instance of a class crosses with its own
 * enumerable fields, and gets the prototype without a call of the constructor; private fields and
 * fields named by symbols stay behind. Classes that need more have `reduce` and `construct`.
 * Subclasses are registered by themselves. Registering again replaces the hooks.
 *
 * @returns Its first argument.
 * @throws ValueError if the name is taken, or the function has another name already; TypeError.
 * @see https://docs.python.org/3/library/copyreg.html
 */
export function register<T extends AnyFunction>(
  what: T,
  options: RegisterOptions<InstanceOf<T>> = {},
): T {
  if (typeof what !== 'function') {
    throw new TypeError(expected('a class or a function', 'what', what));
  }
  const { reduce, construct } = withKnownNames('register', options, [
    'name',
    'reduce',
    'construct',
  ]);
  const name = checkedName(what, options.name ?? what.name);
  for (const [key, hook] of Object.entries({ reduce, construct })) {
    if (hook !== undefined && typeof hook !== 'function') {
      throw new TypeError(expected('a function', key, hook));
    }
  }
  if ((reduce === undefined) !== (construct === undefined)) {
    throw new TypeError('reduce and construct are two halves: give both or none');
  }
  const prototype = what.prototype as object | undefined;
  const hooks = reduce && construct ? { reduce, construct } : {};
  const entry = { name, what, base: prototype && nativeBase(prototype), ...hooks };
  byName.set(name, entry);
  byFunction.set(what, entry);
  if (prototype !== undefined) byPrototype.set(prototype, entry);
  return what;
}

/** What has this prototype, of a class made at run time, crosses as an instance of `what` does. */
export function registerPrototype(prototype: object, what: AnyFunction): void {
  byPrototype.set(prototype, byFunction.get(what));
}

function checkedName(what: AnyFunction, name: unknown): string {
  if (typeof name !== 'string') throw new TypeError(expected('a string', 'name', name));
  if (name === '') throw new ValueError('Something without a name needs the option name');
  const taken = byName.get(name);
  if (taken !== undefined && taken.what !== what) {
    throw new ValueError(`The name '${name}' is registered already, for something else`);
  }
  const known = byFunction.get(what);
  if (known !== undefined && known.name !== name) {
    throw new ValueError(`It is registered already, as '${known.name}'`);
  }
  return name;
}

export function entryNamed(name: string): Entry | undefined {
  return byName.get(name);
}

export function entryOf(what: unknown): Entry | undefined {
  return byFunction.get(what);
}

export function entryOfPrototype(prototype: object): Entry | undefined {
  return byPrototype.get(prototype);
}

/** Whether instances are ordinary objects with the class's prototype. */
export function isOrdinary(entry: Entry): boolean {
  return isPrototype(entry) && entry.reduce === undefined && entry.base === undefined;
}

/** Whether instances are errors with the class's prototype. */
export function isErrorClass(entry: Entry): boolean {
  return isPrototype(entry) && entry.reduce === undefined && isErrorName(entry.base);
}

function isPrototype(entry: Entry): boolean {
  return typeof entry.what.prototype === 'object';
}

function isErrorName(base: string | undefined): boolean {
  return base?.endsWith('Error') === true;
}

/** The classes of errors that both sides know. */

import * as library from '../errors';
import { realms } from '../realm';
import { LIBRARY, NATIVE, REGISTERED } from './format';
import { chain, nativeName } from './kinds';
import { entryNamed, entryOfPrototype, isErrorClass } from './registry';

export interface ErrorClass {
  kind: number;
  name: string;
  prototype: Error;
}

export type ErrorConstructor = abstract new (...args: never[]) => Error;

export const DOM_EXCEPTION = 'DOMException';

/** `stack` is where it was thrown, in the other process. */
const hidden = ['message', 'stack', 'cause', 'errors', 'name'] as const;

const natives = new Map<string, ErrorConstructor>();
for (const name of [
  'Error',
  'AggregateError',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SuppressedError',
  'SyntaxError',
  'TypeError',
  'URIError',
]) {
  const native: unknown = Reflect.get(globalThis, name);
  if (typeof native === 'function') natives.set(name, native as ErrorConstructor);
}

const ours = new Map<string, ErrorConstructor>();
const ourNames = new Map<object, string>();
for (const [name, each] of Object.entries(library)) {
  const prototype = each.prototype as unknown;
  if (!(prototype instanceof Error)) continue;
  ours.set(name, each as ErrorConstructor);
  ourNames.set(prototype, name);
}

/** The nearest class to these instances that the other side knows; undefined: no error. */
export function errorClassOf(prototype: object | null): ErrorClass | undefined {
  for (const each of chain(prototype)) {
    const kind = kindOf(each);
    if (kind !== undefined) return { ...kind, prototype: each as Error };
  }
  return undefined;
}

function kindOf(prototype: object): { kind: number; name: string } | undefined {
  const entry = entryOfPrototype(prototype);
  if (entry !== undefined && isErrorClass(entry)) return { kind: REGISTERED, name: entry.name };
  const ourName = ourNames.get(prototype);
  if (ourName !== undefined) return { kind: LIBRARY, name: ourName };
  const name = nativeName(prototype);
  if (natives.has(name)) return { kind: NATIVE, name };
  if (realms.some((realm) => realm.DOMException.prototype === prototype)) {
    return { kind: NATIVE, name: DOM_EXCEPTION };
  }
  return undefined;
}

/** The constructor that a message names. */
export function errorConstructor(kind: number, name: string): ErrorConstructor | undefined {
  if (kind === NATIVE) return natives.get(name);
  if (kind === LIBRARY) return ours.get(name);
  const entry = kind === REGISTERED ? entryNamed(name) : undefined;
  return entry && isErrorClass(entry) ? (entry.what as unknown as ErrorConstructor) : undefined;
}

/** Without a call of the class's constructor, whose arguments nobody knows. */
export function bareError(constructor: ErrorConstructor): Error {
  return Reflect.construct(Error, [], constructor) as Error;
}

/** What an error has besides enumerable fields. */
export function hiddenFields(error: Error, known: ErrorClass): Record<string, unknown> {
  const fields = Object.create(null) as Record<string, unknown>;
  for (const key of hidden) {
    const property = Object.getOwnPropertyDescriptor(error, key);
    if (property !== undefined && !property.enumerable) fields[key] = error[key as keyof Error];
  }
  if (typeof fields['stack'] !== 'string') delete fields['stack'];
  if (known.name === DOM_EXCEPTION) return fields;
  // The name of a class that the other side does not know.
  if (!Object.hasOwn(error, 'name') && error.name !== known.prototype.name) {
    fields['name'] = error.name;
  }
  return fields;
}

/** Values into bytes. */

import { types } from 'node:util';

import { checkedInteger } from '../arguments';
import { PicklingError } from '../errors';
import { isDense } from './arrays';
import { DOM_EXCEPTION, errorClassOf, hiddenFields } from './error-classes';
import { exportOf } from './exports';
import {
  ARRAY,
  END,
  ERROR,
  EXPORT,
  FALSE,
  FUNCTION,
  HOLE,
  INSTANCE,
  KEYED_ARRAY,
  LATER,
  MAP,
  NESTING,
  NULL,
  NULL_OBJECT,
  OBJECT,
  REDUCED,
  REFERENCE,
  SET,
  SYMBOL,
  TRUE,
  UNDEFINED,
  VERSION,
  WELL_KNOWN_SYMBOL,
} from './format';
import { type AnyFunction, nativeName, objection, typeName } from './kinds';
import { nativeOf } from './natives';
import { shortened, step, Step } from './path';
import { type DescriptorSink, type Entry, entryOf, entryOfPrototype, isOrdinary } from './registry';
import { type Room, Writer } from './writer';

export interface Encoded {
  readonly buffer: Uint8Array;
  /** So many bytes of the buffer are the message. */
  readonly length: number;
  /** Borrowed descriptors, which have to travel along. */
  readonly descriptors: readonly number[];
}

/** A container whose body comes after the value. */
interface Later {
  tag: number;
  value: object;
  path: string;
}

type Fields = Record<string, unknown>;

const none: readonly number[] = Object.freeze([]);
/** Among so few objects a look at each is faster than a Map. */
const FEW = 16;
const REDUCE = new Step('.reduce()');

const wellKnown = new Map<symbol, string>();
for (const name of Object.getOwnPropertyNames(Symbol)) {
  const value: unknown = Reflect.get(Symbol, name);
  if (typeof value === 'symbol') wellKnown.set(value, name);
}

export class Encoder extends Writer {
  private readonly result = { buffer: this.bytes as Uint8Array, length: 0, descriptors: none };

  /** The objects so far, by number: the first few, and the numbers of all if they are more. */
  private readonly few: (object | undefined)[] = [];
  private readonly numbers = new Map<object, number>();
  private count = 0;

  /** The way to the current value: from `base` up to `depth`, after the path of what was put off. */
  private readonly holders: (object | undefined)[] = [];
  private readonly keys: unknown[] = [];
  private depth = 0;
  private base = 0;
  private prefix = 'value';

  private later: Later[] = [];
  /** The path of the object whose fields were put off last. */
  private lastHolder: object | undefined;
  private lastPath = '';

  /** The objects whose `reduce` was called and whose parts are being written. */
  private readonly reducing: object[] = [];
  private descriptors: number[] | undefined;
  private readonly sink: DescriptorSink = {
    add: (fd) => (this.descriptors ??= []).push(checkedInteger('fd', fd)) - 1,
  };

  encode(value: unknown, room?: Room): Encoded {
    this.start(room);
    this.byte(VERSION);
    try {
      this.value(value);
      if (this.later.length > 0) this.writeLater();
      this.result.buffer = this.bytes;
      this.result.length = this.position;
      this.result.descriptors = this.descriptors ?? none;
    } catch (error) {
      const thrown = isStackOverflow(error) ? this.tooDeep() : error;
      this.reset();
      throw thrown;
    }
    this.clean();
    return this.result;
  }

  private tooDeep(): PicklingError {
    const path = shortened(this.path());
    return new PicklingError(`cannot pickle the value at ${path}: it is nested too deeply`);
  }

  /** After a value: nothing of it is kept. */
  private clean(): void {
    this.stop();
    const { count, few } = this;
    if (count === 0) return;
    for (let i = 0; i < count && i < FEW; i++) few[i] = undefined;
    if (count > FEW) this.numbers.clear();
    if (this.later.length > 0) this.later = [];
    this.count = 0;
    this.lastHolder = undefined;
    this.descriptors = undefined;
  }

  /** After an error. */
  private reset(): void {
    this.clean();
    this.holders.length = this.keys.length = this.reducing.length = 0;
    this.depth = this.base = 0;
    this.prefix = 'value';
  }

  value(value: unknown): void {
    switch (typeof value) {
      case 'number':
        this.number(value);
        break;
      case 'string':
        this.string(value);
        break;
      case 'object':
        if (value === null) this.tag(NULL);
        else this.object(value);
        break;
      case 'boolean':
        this.tag(value ? TRUE : FALSE);
        break;
      case 'undefined':
        this.tag(UNDEFINED);
        break;
      case 'bigint':
        this.bigint(value);
        break;
      case 'symbol':
        this.symbol(value);
        break;
      case 'function':
        this.function(value);
        break;
    }
  }

  private object(value: object): void {
    if (this.isKnown(value)) return;
    if (types.isProxy(value)) this.refuse(value);
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Object.prototype) this.container(OBJECT, value);
    else if (prototype === Array.prototype) this.array(value as unknown[]);
    else if (prototype === null) this.withoutPrototype(value);
    else this.instance(value, prototype);
  }

  /** Writes a reference if the object was here before; gives it a number otherwise. */
  private isKnown(value: object): boolean {
    const { count, few } = this;
    if (count <= FEW) {
      for (let i = 0; i < count; i++) {
        if (few[i] === value) return this.reference(value, i);
      }
    } else {
      const number = this.numbers.get(value);
      if (number !== undefined) return this.reference(value, number);
    }
    if (count < FEW) {
      few[count] = value;
    } else {
      if (count === FEW) few.forEach((each, i) => this.numbers.set(each!, i));
      this.numbers.set(value, count);
    }
    this.count = count + 1;
    return false;
  }

  private reference(value: object, number: number): true {
    if (this.reducing.includes(value)) this.fail(value, 'what its reduce() gave contains it');
    this.tag(REFERENCE);
    this.size(number);
    return true;
  }

  private withoutPrototype(value: object): void {
    if (types.isModuleNamespaceObject(value)) this.refuse(value);
    if (types.isNativeError(value)) this.container(ERROR, value);
    else this.container(NULL_OBJECT, value);
  }

  private instance(value: object, prototype: object): void {
    const entry = entryOfPrototype(prototype);
    if (entry?.reduce !== undefined) {
      this.reduced(value, entry);
      return;
    }
    if (entry !== undefined && isOrdinary(entry)) {
      this.container(INSTANCE, value);
      return;
    }
    const name = nativeName(prototype);
    const native = nativeOf(name, value, prototype);
    if (native !== undefined) native.write(this, value as never);
    else if (types.isNativeError(value) || errorClassOf(prototype)) this.container(ERROR, value);
    else if (Array.isArray(value) && name === 'Array') this.array(value);
    else if (name === 'Object' && !types.isGeneratorObject(value)) this.container(OBJECT, value);
    else if (entry === undefined) this.refuse(value);
    else {
      const hint = `call register(${entry.name}, { reduce, construct })`;
      this.fail(value, `class ${entry.name} extends ${entry.base}: ${hint}`);
    }
  }

  private array(value: unknown[]): void {
    this.container(isDense(value) ? ARRAY : KEYED_ARRAY, value);
  }

  /** A tag, what the other side needs to make an empty one, and the body, now or later. */
  container(tag: number, value: object): void {
    const putOff = this.depth - this.base >= NESTING;
    if (putOff) this.tag(LATER);
    this.tag(tag);
    if (tag !== OBJECT && tag !== ARRAY) this.header(tag, value);
    if (putOff) this.later.push({ tag, value, path: this.path() });
    else this.body(tag, value);
  }

  private header(tag: number, value: object): void {
    if (tag === KEYED_ARRAY) this.size((value as unknown[]).length);
    else if (tag === INSTANCE) this.string(entryOfPrototype(prototypeOf(value)!)!.name);
    else if (tag === ERROR) this.errorHeader(value as Error);
  }

  private body(tag: number, value: object): void {
    const { depth } = this;
    this.holders[depth] = value;
    this.depth = depth + 1;
    if (tag === ARRAY) this.elements(value as unknown[], depth);
    else if (tag === MAP) this.entries(value as Map<unknown, unknown>, depth);
    else if (tag === SET) this.members(value as Set<unknown>, depth);
    else {
      if (tag === ERROR) this.hiddenFields(value as Error, depth);
      this.fields(value as Fields, depth);
    }
    this.holders[depth] = this.keys[depth] = undefined;
    this.depth = depth;
  }

  private fields(object: Fields, depth: number): void {
    const names = Object.keys(object);
    this.size(names.length);
    for (const name of names) {
      this.string(name);
      this.keys[depth] = name;
      this.value(object[name]);
    }
  }

  private elements(array: unknown[], depth: number): void {
    const { length } = array;
    this.size(length);
    for (let i = 0; i < length; i++) {
      const element = array[i];
      if (element === undefined && !Object.hasOwn(array, i)) {
        this.tag(HOLE);
      } else {
        this.keys[depth] = i;
        this.value(element);
      }
    }
  }

  private entries(map: Map<unknown, unknown>, depth: number): void {
    for (const [key, value] of map) {
      const isObject = typeof key === 'object' && key !== null;
      this.keys[depth] = isObject ? new Step('.keys()') : key;
      this.value(key);
      if (isObject) this.keys[depth] = new Step('.get(object)');
      this.value(value);
    }
    this.tag(END);
  }

  private members(set: Set<unknown>, depth: number): void {
    this.keys[depth] = new Step('.values()');
    for (const member of set) this.value(member);
    this.tag(END);
  }

  private errorHeader(error: Error): void {
    const known = errorClassOf(prototypeOf(error));
    this.byte(known?.kind ?? 0);
    this.string(known?.name ?? 'Error');
    if (known?.name !== DOM_EXCEPTION) return;
    this.string(error.message);
    this.string(error.name);
  }

  private hiddenFields(error: Error, depth: number): void {
    const known = errorClassOf(prototypeOf(error)) ?? { kind: 0, name: 'Error', prototype: error };
    this.fields(hiddenFields(error, known), depth);
  }

  private reduced(value: object, entry: Entry): void {
    const { depth, later } = this;
    this.tag(REDUCED);
    this.string(entry.name);
    this.reducing.push(value);
    this.holders[depth] = value;
    this.keys[depth] = REDUCE;
    this.depth = depth + 1;
    // The other side needs all the parts for `construct`: nothing of them may come later than here.
    this.later = [];
    this.value(entry.reduce!(value, this.sink));
    if (this.later.length > 0) this.writeLater();
    this.later = later;
    this.holders[depth] = undefined;
    this.depth = depth;
    this.reducing.pop();
  }

  private writeLater(): void {
    const { base, prefix, depth, later } = this;
    this.base = depth;
    // It grows meanwhile.
    for (const { tag, value, path } of later) {
      this.prefix = path;
      this.body(tag, value);
    }
    this.base = base;
    this.prefix = prefix;
  }

  private symbol(value: symbol): void {
    const key = Symbol.keyFor(value);
    const name = wellKnown.get(value);
    if (key === undefined && name === undefined) {
      this.fail(value, `${String(value)} is unique: use Symbol.for()`);
    }
    this.tag(key === undefined ? WELL_KNOWN_SYMBOL : SYMBOL);
    this.string((key ?? name)!);
  }

  private function(value: AnyFunction): void {
    const entry = entryOf(value);
    if (entry !== undefined) {
      this.tag(FUNCTION);
      this.string(entry.name);
      return;
    }
    if (types.isProxy(value)) this.refuse(value);
    const source = exportOf(value);
    if (source === undefined) {
      const name = value.name === '' ? 'a function without a name' : value.name;
      const hint = `call register(${value.name || 'it, { name }'})`;
      this.fail(value, `${name} is neither registered nor exported by a CommonJS module: ${hint}`);
    }
    this.tag(EXPORT);
    this.string(source.path);
    this.value(source.name);
  }

  /** For what no option of the caller's could let pass. */
  refuse(value: object): never {
    return this.fail(value, objection(value));
  }

  fail(value: unknown, why: string): never {
    const where = shortened(this.path());
    throw new PicklingError(`cannot pickle '${typeName(value)}' object at ${where}: ${why}`);
  }

  private path(): string {
    const { base, depth, holders, keys } = this;
    if (depth === base) return this.prefix;
    const holder = holders[depth - 1]!;
    // Thousands of bodies may be put off in the same object.
    if (this.lastHolder !== holder) {
      let path = this.prefix;
      for (let i = base; i < depth - 1; i++) path += step(holders[i]!, keys[i]);
      this.lastHolder = holder;
      this.lastPath = path;
    }
    return this.lastPath + step(holder, keys[depth - 1]);
  }
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}

function isStackOverflow(error: unknown): boolean {
  return types.isNativeError(error) && error.message === 'Maximum call stack size exceeded';
}

/** Values out of bytes, which may come from anywhere: nothing in them is believed. */

import { types } from 'node:util';

import { OSError, UnpicklingError } from '../errors';
import { posix } from '../native';
import { sparseArray } from './arrays';
import { bareError, DOM_EXCEPTION, errorConstructor } from './error-classes';
import { exported } from './exports';
import {
  ARRAY,
  ARRAY_BUFFER,
  BIGINT,
  BIGINT64,
  BOXED,
  DATE,
  END,
  ERROR,
  EXPORT,
  FALSE,
  FLOAT64,
  FUNCTION,
  HOLE,
  INSTANCE,
  INT32,
  KEYED_ARRAY,
  LATER,
  MAP,
  NATIVE,
  NULL,
  NULL_OBJECT,
  OBJECT,
  REDUCED,
  REFERENCE,
  REGEXP,
  SET,
  SHORT,
  SMALL,
  SYMBOL,
  TRUE,
  UNDEFINED,
  VERSION,
  VIEW,
  views,
  WELL_KNOWN_SYMBOL,
} from './format';
import type { AnyFunction } from './kinds';
import { Reader } from './reader';
import { type DescriptorSource, entryNamed, isOrdinary } from './registry';

type Fields = Record<string, unknown>;
type Shell = object;

/** Smaller parts are copied: a view keeps the whole message in memory. */
const LARGE = 4096;
/** A view is of at least this part of the message. */
const PART = 1 / 4;

/** In place of an object that is not made yet. */
const unmade = {};
const none: readonly number[] = [];

type ViewClass = new (buffer: ArrayBufferLike, offset?: number, length?: number) => ArrayBufferView;

export class Decoder extends Reader {
  private readonly objects: object[] = [];
  private later: { tag: number; shell: Shell }[] = [];
  private owned = false;
  /** -1: taken. */
  private descriptors: number[] = [];
  private readonly source: DescriptorSource = { take: (index) => this.take(index) };

  decode(
    bytes: Uint8Array,
    descriptors: readonly number[] = none,
    owned = false,
    length = bytes.length,
  ): unknown {
    this.start(bytes, length);
    this.owned = owned;
    if (descriptors.length > 0) this.descriptors = descriptors.slice();
    try {
      return this.message();
    } catch (error) {
      throw this.translated(error);
    } finally {
      this.clean();
    }
  }

  private message(): unknown {
    const version = this.byte();
    if (version !== VERSION) this.fail(`version ${version} of the format is unknown`);
    const value = this.value();
    if (this.later.length > 0) this.readLater();
    if (this.position !== this.end) this.fail('more than one value');
    return value;
  }

  /** What a user sees: the errors of the system as they are, because they are not the message's. */
  private translated(error: unknown): unknown {
    if (error instanceof UnpicklingError || error instanceof OSError) return error;
    const why = types.isNativeError(error) ? error.message : String(error);
    return new UnpicklingError(`cannot unpickle: ${why}`, { cause: error });
  }

  private clean(): void {
    this.stop();
    if (this.objects.length > 0) this.objects.length = 0;
    if (this.later.length > 0) this.later = [];
    if (this.descriptors.length === 0) return;
    const left = this.descriptors.filter((fd) => fd >= 0);
    this.descriptors = [];
    left.forEach(close);
  }

  private take(index: number): number {
    const fd = this.descriptors[index];
    if (fd === undefined) this.fail(`there is no descriptor ${index}`);
    if (fd < 0) this.fail(`descriptor ${index} is taken already`);
    this.descriptors[index] = -1;
    return fd;
  }

  value(): unknown {
    const tag = this.byte();
    if (tag >= SHORT) return this.shortString(tag - SHORT);
    if (tag >= SMALL) return tag - SMALL;
    if (tag === INT32) return this.int32();
    if (tag === OBJECT || tag === ARRAY) {
      const shell = this.open(tag);
      this.fill(tag, shell);
      return shell;
    }
    const read = readers[tag];
    return read === undefined ? this.longString(tag) : read(this, tag);
  }

  reference(): object {
    const number = this.size();
    const object = this.objects[number];
    if (object === undefined || object === unmade) this.fail(`there is no object ${number} yet,`);
    return object;
  }

  /** Gives an object the next number. */
  known<T extends object>(object: T): T {
    this.objects.push(object);
    return object;
  }

  container(tag: number): Shell {
    const shell = this.open(tag);
    this.fill(tag, shell);
    return shell;
  }

  putOff(): Shell {
    const tag = this.byte();
    const shell = this.open(tag);
    this.later.push({ tag, shell });
    return shell;
  }

  private readLater(): void {
    const { later } = this;
    // It grows meanwhile.
    for (const { tag, shell } of later) this.fill(tag, shell);
  }

  /** A container, empty as yet. */
  private open(tag: number): Shell {
    return this.known(this.empty(tag));
  }

  private empty(tag: number): Shell {
    switch (tag) {
      case OBJECT:
        return {};
      case ARRAY:
        return [];
      case NULL_OBJECT:
        return Object.create(null) as object;
      case KEYED_ARRAY:
        return sparseArray(this.arrayLength());
      case MAP:
        return new Map();
      case SET:
        return new Set();
      case INSTANCE:
        return this.instance();
      case ERROR:
        return this.error();
      default:
        return this.fail(`unknown tag ${tag}`);
    }
  }

  private fill(tag: number, shell: Shell): void {
    if (tag === ARRAY) this.elements(shell as unknown[]);
    else if (tag === MAP) this.entries(shell as Map<unknown, unknown>);
    else if (tag === SET) this.members(shell as Set<unknown>);
    else {
      if (tag === ERROR) this.fields(shell as Fields, false);
      this.fields(shell as Fields, true);
    }
  }

  /** Defines; never assigns where a setter or the prototype would get the value. */
  private fields(object: Fields, enumerable: boolean): void {
    const count = this.count(2);
    for (let i = 0; i < count; i++) {
      const key = this.key();
      const value = this.value();
      if (enumerable && !(key in object)) object[key] = value;
      else {
        Object.defineProperty(object, key, {
          value,
          enumerable,
          writable: true,
          configurable: true,
        });
      }
    }
  }

  private elements(array: unknown[]): void {
    const count = this.count(1);
    for (let i = 0; i < count; i++) {
      if (this.bytes[this.position] === HOLE) {
        this.position++;
        array.length = i + 1;
      } else {
        array[i] = this.value();
      }
    }
  }

  private isEnd(): boolean {
    if (this.position < this.end && this.bytes[this.position] !== END) return false;
    this.skip(1);
    return true;
  }

  private entries(map: Map<unknown, unknown>): void {
    while (!this.isEnd()) map.set(this.value(), this.value());
  }

  private members(set: Set<unknown>): void {
    while (!this.isEnd()) set.add(this.value());
  }

  private arrayLength(): number {
    const length = this.size();
    if (length > 0xffffffff) this.fail('too long an array');
    return length;
  }

  private instance(): object {
    const name = this.key();
    const entry = entryNamed(name);
    if (entry === undefined) this.fail(`class ${name} is not registered here,`);
    if (!isOrdinary(entry)) this.fail(`${name} is not a class of this kind,`);
    return Object.create(entry.what.prototype as object) as object;
  }

  private error(): Error {
    const kind = this.byte();
    const name = this.string();
    if (kind === NATIVE && name === DOM_EXCEPTION) {
      return new DOMException(this.string(), this.string());
    }
    const constructor = errorConstructor(kind, name);
    if (constructor === undefined) this.fail(`the class ${name} of an error is not known here,`);
    return bareError(constructor);
  }

  reduced(): object {
    const name = this.key();
    const entry = entryNamed(name);
    if (entry === undefined) this.fail(`class ${name} is not registered here,`);
    if (entry.construct === undefined) this.fail(`${name} has no construct,`);
    const { later } = this;
    const number = this.objects.push(unmade) - 1;
    this.later = [];
    const parts = this.value();
    if (this.later.length > 0) this.readLater();
    this.later = later;
    const made = entry.construct(parts, this.source) as object;
    this.objects[number] = made;
    return made;
  }

  function(): AnyFunction {
    const name = this.string();
    const entry = entryNamed(name);
    return entry?.what ?? this.fail(`${name} is not registered here,`);
  }

  export(): AnyFunction {
    const path = this.string();
    const name = this.value();
    if (name !== null && typeof name !== 'string') this.fail('no name of an export');
    return exported({ path, name }) ?? this.fail(`${path} exports no function ${String(name)},`);
  }

  wellKnownSymbol(): symbol {
    const name = this.string();
    const symbol: unknown = Object.hasOwn(Symbol, name) ? Reflect.get(Symbol, name) : undefined;
    return typeof symbol === 'symbol' ? symbol : this.fail(`there is no Symbol.${name},`);
  }

  boxed(): object {
    const value = this.value();
    if (value === null || value === undefined) this.fail('no primitive');
    if (typeof value === 'object' || typeof value === 'function') this.fail('no primitive');
    return this.known(Object(value) as object);
  }

  /** Where binary data begins, and its size. */
  private binary(): [at: number, size: number] {
    const size = this.size();
    this.skip(-this.position & 7);
    return [this.skip(size), size];
  }

  arrayBuffer(): ArrayBuffer {
    const [at, size] = this.binary();
    return this.copy(at, size);
  }

  private copy(at: number, size: number): ArrayBuffer {
    // Filling it with zeros first would take as long as the copy.
    const copy = size < LARGE ? new ArrayBuffer(size) : Buffer.allocUnsafeSlow(size).buffer;
    new Uint8Array(copy).set(this.bytes.subarray(at, at + size));
    return copy;
  }

  view(): ArrayBufferView {
    const kind = this.byte();
    const View = viewClass(kind);
    if (View === undefined) this.fail(`unknown kind ${kind} of array`);
    const [at, size] = this.binary();
    const unit = (View as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    if (size % unit !== 0) this.fail('part of an element');
    const offset = this.bytes.byteOffset + at;
    const isLarge = size >= LARGE && size >= this.end * PART;
    if (this.owned && isLarge && offset % unit === 0) {
      return new View(this.bytes.buffer, offset, size / unit);
    }
    return new View(this.copy(at, size));
  }
}

function viewClass(kind: number): ViewClass | undefined {
  const name = views[kind];
  if (name === undefined) return undefined;
  return (name === 'Buffer' ? BufferView : Reflect.get(globalThis, name)) as ViewClass | undefined;
}

/** Buffer as the other views are: made of an ArrayBuffer by `new`. */
const BufferView = function (buffer: ArrayBufferLike, offset?: number, length?: number): Buffer {
  return Buffer.from(buffer as ArrayBuffer, offset, length);
} as unknown as ViewClass;

/** There is nothing that anybody could do about an error. */
function close(fd: number): void {
  try {
    posix.close(fd);
  } catch {
    // Not ours, or gone.
  }
}

const container = (decoder: Decoder, tag: number): object => decoder.container(tag);

/** By tag; strings and what is frequent are elsewhere. */
const readers: ((decoder: Decoder, tag: number) => unknown)[] = [];
readers[NULL] = () => null;
readers[UNDEFINED] = () => undefined;
readers[TRUE] = () => true;
readers[FALSE] = () => false;
readers[FLOAT64] = (decoder) => decoder.float64();
readers[BIGINT64] = (decoder) => decoder.bigint64();
readers[BIGINT] = (decoder) => decoder.bigint();
readers[SYMBOL] = (decoder) => Symbol.for(decoder.string());
readers[WELL_KNOWN_SYMBOL] = (decoder) => decoder.wellKnownSymbol();
readers[REFERENCE] = (decoder) => decoder.reference();
for (const tag of [NULL_OBJECT, KEYED_ARRAY, MAP, SET, INSTANCE, ERROR]) readers[tag] = container;
readers[LATER] = (decoder) => decoder.putOff();
readers[REDUCED] = (decoder) => decoder.reduced();
readers[BOXED] = (decoder) => decoder.boxed();
readers[DATE] = (decoder) => decoder.known(new Date(decoder.float64()));
readers[REGEXP] = (decoder) => decoder.known(new RegExp(decoder.string(), decoder.string()));
readers[ARRAY_BUFFER] = (decoder) => decoder.known(decoder.arrayBuffer());
readers[VIEW] = (decoder) => decoder.known(decoder.view());
readers[FUNCTION] = (decoder) => decoder.function();
readers[EXPORT] = (decoder) => decoder.export();

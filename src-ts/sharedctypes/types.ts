/** C types: how big they are, how they lie in memory, and which objects show them. */

import { endianness } from 'node:os';

import { checkedInteger } from '../arguments';
import { expected, IndexError, ValueError } from '../errors';
import {
  type Arrays,
  type Code,
  type CodeInfo,
  codeOf,
  type Elements,
  infoOf,
  type Stored,
  type TypedArray,
} from './codes';
import { registerPrototype } from '../serialization/registry';
import { Scalar } from './scalar';
import { CompoundArray, Structure } from './structure';
import { toBytes, toCodePoints } from './text';

/** A code, the fields of a structure, or an array: [type of the elements, length]. */
export type CType = Code | Fields | readonly [CType, number];

/** A C structure: its fields in order. */
export interface Fields {
  readonly [name: string]: CType;
}

/** What RawValue() of a type returns. */
export type Raw<T> = T extends Code
  ? Scalar<Elements[T]>
  : T extends readonly [infer E, number]
    ? RawArrayOf<E>
    : T extends Fields
      ? StructureOf<T>
      : never;

/** What RawArray() of a type returns. */
export type RawArrayOf<E> = E extends Code ? Arrays[E] : CompoundArray<Raw<E>>;

export type StructureOf<F> = Structure & FieldsOf<F>;

export type FieldsOf<F> = { -readonly [K in keyof F]: FieldOf<F[K]> };

type FieldOf<T> = T extends Code
  ? Elements[T]
  : T extends readonly ['c', number]
    ? Buffer
    : T extends readonly ['u', number]
      ? string
      : Raw<T>;

/** A type of ctypes. */
export abstract class Type {
  /** As it was given. */
  abstract readonly spec: CType;
  abstract readonly size: number;
  abstract readonly alignment: number;

  abstract at(buffer: ArrayBufferLike, offset: number): object;
  /** Gives an object in zeroed memory its first value. */
  abstract initialize(target: object, value: unknown): void;

  /** The value that the arguments after the type mean. */
  initialOf(given: unknown[]): unknown {
    if (given.length > 1) throw new TypeError('too many initializers');
    return given[0];
  }

  /** Sets the whole object, or nothing if the value is wrong. What is not given is zeroed. */
  assign(target: object, value: unknown): void {
    const copy = this.at(new ArrayBuffer(this.size), 0);
    this.initialize(copy, value);
    bytesOf(target).set(bytesOf(copy));
  }

  /** How a structure shows it as a field. */
  field(offset: number): Field {
    const get = (structure: Structure): object => Structure.partOf(structure, offset, this);
    return { get, set: (structure, value) => this.assign(get(structure), value) };
  }
}

interface Field {
  readonly get: (structure: Structure) => unknown;
  readonly set: (structure: Structure, value: unknown) => void;
}

const littleEndian = endianness() === 'LE';

type Getter = (this: DataView, offset: number, littleEndian: boolean) => Stored;
type Setter = (this: DataView, offset: number, value: Stored, littleEndian: boolean) => void;

class SimpleType extends Type {
  readonly spec: Code;
  readonly size: number;
  readonly alignment: number;

  constructor(readonly info: CodeInfo) {
    super();
    this.spec = info.code;
    this.size = info.array.BYTES_PER_ELEMENT;
    this.alignment = this.size;
  }

  at(buffer: ArrayBufferLike, offset: number): Scalar {
    return new Scalar(this.info, buffer, offset);
  }

  initialize(target: Scalar, value: unknown): void {
    target.value = value;
  }

  override field(offset: number): Field {
    const { load, store } = this.info;
    const { getter, setter } = this.#accessors();
    return {
      get: (structure) => load(getter.call(Structure.viewOf(structure), offset, littleEndian)),
      set: (structure, value) =>
        setter.call(Structure.viewOf(structure), offset, store(value), littleEndian),
    };
  }

  /** getInt32 and setInt32 of Int32Array. */
  #accessors(): { getter: Getter; setter: Setter } {
    const array = new this.info.array(new ArrayBuffer(0), 0, 0);
    const name = array[Symbol.toStringTag].replace('Array', '');
    const methods = DataView.prototype as unknown as Record<string, unknown>;
    return { getter: methods[`get${name}`] as Getter, setter: methods[`set${name}`] as Setter };
  }
}

class ArrayType extends Type {
  readonly spec: CType;
  readonly size: number;
  readonly alignment: number;

  /** @throws ValueError if the length is negative. */
  constructor(
    readonly element: Type,
    readonly length: number,
  ) {
    super();
    checkedInteger('length', length);
    if (length < 0) throw new ValueError(`Array length must be >= 0, not ${length}`);
    this.spec = [element.spec, length];
    this.size = element.size * length;
    this.alignment = element.alignment;
  }

  at(buffer: ArrayBufferLike, offset: number): object {
    const { element: type, length } = this;
    if (type instanceof SimpleType) return new type.info.array(buffer, offset, length);
    return new CompoundArray({ type, buffer, offset }, length);
  }

  initialize(target: object, value: unknown): void {
    const items = itemsOf(value, this.element);
    if (items.length > this.length) throw new IndexError('invalid index');
    if (this.element instanceof SimpleType) {
      (target as TypedArray).set(storedOf(items, this.element.info));
      return;
    }
    const array = target as CompoundArray;
    for (const [index, item] of Array.from(items).entries()) {
      this.element.initialize(array.get(index), item);
    }
  }

  /** Text reads and is written as text. */
  override field(offset: number): Field {
    const field = super.field(offset);
    const { spec } = this.element;
    if (spec !== 'c' && spec !== 'u') return field;
    const text = field.get as (structure: Structure) => { value: unknown };
    return {
      get: (structure) => text(structure).value,
      set: (structure, value) => (text(structure).value = value),
    };
  }
}

/** The values that an initializer has. */
export function itemsOf(value: unknown, element: Type): ArrayLike<unknown> {
  if (element.spec === 'c' && typeof value === 'string') return toBytes(value);
  if (element.spec === 'u' && typeof value === 'string') return toCodePoints(value);
  if (codeOf(value) !== undefined) return value as TypedArray;
  const iterable = value as Iterable<unknown> | null | undefined;
  if (typeof iterable === 'object' && iterable !== null && Symbol.iterator in iterable) {
    return [...iterable];
  }
  throw new TypeError(expected('an iterable', 'initializer', value));
}

function storedOf(items: ArrayLike<unknown>, info: CodeInfo): ArrayLike<Stored> {
  // Elements of the same kind need no look at each.
  if (codeOf(items)?.store === info.store) return items as TypedArray;
  return Array.from(items, info.store);
}

class StructureType extends Type {
  readonly size: number;
  readonly alignment: number;
  readonly #names: readonly string[];
  readonly #class: new (buffer: ArrayBufferLike, offset: number) => Structure;

  constructor(
    readonly spec: Fields,
    types: ReadonlyMap<string, Type>,
  ) {
    super();
    const fields: PropertyDescriptorMap = {};
    let end = 0;
    let alignment = 1;
    for (const [name, type] of types) {
      const offset = roundUp(end, type.alignment);
      fields[name] = propertyOf(type.field(offset));
      end = offset + type.size;
      alignment = Math.max(alignment, type.alignment);
    }
    this.size = roundUp(end, alignment);
    this.alignment = alignment;
    this.#names = [...types.keys()];
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class has its own `this`
    const type = this;
    this.#class = class extends Structure {
      constructor(buffer: ArrayBufferLike, offset: number) {
        super(type, buffer, offset);
      }
    };
    Object.defineProperties(this.#class.prototype, fields);
    registerPrototype(this.#class.prototype as object, Structure);
  }

  at(buffer: ArrayBufferLike, offset: number): Structure {
    return new this.#class(buffer, offset);
  }

  /** An array has the values in order, an object has them by name. */
  initialize(target: Structure, value: unknown): void {
    if (value instanceof Structure && Structure.typeOf(value) === this) {
      bytesOf(target).set(bytesOf(value));
      return;
    }
    const fields = target as unknown as Record<string, unknown>;
    for (const [name, item] of this.#entries(value)) fields[name] = item;
  }

  /** One object is the whole structure, unless it can only be the value of the first field. */
  override initialOf(given: unknown[]): unknown {
    return given.length === 1 && this.#isWhole(given[0]) ? given[0] : given;
  }

  #isWhole(value: unknown): boolean {
    if (value instanceof Structure) return Structure.typeOf(value) === this;
    if (!isRecord(value) || Symbol.iterator in value) return false;
    const hasMyNames = Object.keys(value).every((name) => this.#names.includes(name));
    return hasMyNames || !isRecord(this.spec[this.#names[0]!]);
  }

  #entries(value: unknown): [string, unknown][] {
    if (Array.isArray(value)) {
      if (value.length > this.#names.length) throw new TypeError('too many initializers');
      return value.map((item, index) => [this.#names[index]!, item]);
    }
    if (!isRecord(value) || value instanceof Structure) {
      throw new TypeError(expected('an array or an object with its fields', 'structure', value));
    }
    const entries = Object.entries(value);
    for (const [name] of entries) {
      if (!this.#names.includes(name)) throw new TypeError(`the structure has no field '${name}'`);
    }
    return entries;
  }
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function roundUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function propertyOf({ get, set }: Field): PropertyDescriptor {
  return {
    enumerable: true,
    configurable: true,
    get(this: Structure) {
      return get(this);
    },
    set(this: Structure, value: unknown) {
      set(this, value);
    },
  };
}

/** Structures of the same fields are of the same class. */
const structures = new Map<string, StructureType>();

function structureFrom(given: object): StructureType {
  const types = new Map(Object.entries(given).map(([name, spec]) => [name, typeFrom(spec)]));
  const spec = Object.fromEntries(Array.from(types, ([name, type]) => [name, type.spec]));
  const key = JSON.stringify(spec);
  let type = structures.get(key);
  if (type === undefined) structures.set(key, (type = new StructureType(spec, types)));
  return type;
}

/** @throws TypeError if this is no type. */
export function typeFrom(spec: unknown): Type {
  if (Array.isArray(spec) && spec.length === 2) return arrayOf(spec[0], spec[1] as number);
  return isRecord(spec) ? structureFrom(spec) : new SimpleType(infoOf(spec));
}

/** @throws TypeError if this is no type; ValueError if the length is negative. */
export function arrayOf(spec: unknown, length: number): Type {
  return new ArrayType(typeFrom(spec), length);
}

/** The type of a raw object. @throws TypeError if it is none. */
export function typeOf(object: unknown): Type {
  if (object instanceof Scalar) return new SimpleType(object.info);
  if (object instanceof Structure) return Structure.typeOf(object);
  if (object instanceof CompoundArray) {
    return new ArrayType(CompoundArray.placeOf(object).type, object.length);
  }
  const info = codeOf(object);
  if (info === undefined) throw new TypeError(expected('a raw shared object', 'obj', object));
  return new ArrayType(new SimpleType(info), (object as TypedArray).length);
}

/** The memory of a raw object. */
export function bytesOf(object: object): Uint8Array {
  if (object instanceof CompoundArray) {
    const { type, buffer, offset } = CompoundArray.placeOf(object);
    return new Uint8Array(buffer, offset, type.size * object.length);
  }
  if (object instanceof Structure) return toBytes(Structure.viewOf(object));
  return toBytes(object instanceof Scalar ? object.array : object);
}

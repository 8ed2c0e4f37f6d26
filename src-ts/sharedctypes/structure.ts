/** C structures and arrays of compound elements, as views of memory. */

import { inspect } from 'node:util';

import { checkedInteger } from '../arguments';
import { IndexError } from '../errors';
import { addIndexSyntax } from './index-syntax';
import type { Type } from './types';

/** A place of memory, and what is there. */
export interface Place {
  readonly type: Type;
  readonly buffer: ArrayBufferLike;
  readonly offset: number;
}

/**
 * A C structure in shared memory: its fields are properties. Structures and arrays in it are views;
 * arrays of characters read as Buffer (c) or string (u), up to the first NUL.
 */
export class Structure {
  // Not methods: those could not be told from fields.
  static typeOf: (structure: Structure) => Type;
  static viewOf: (structure: Structure) => DataView;
  static partOf: (structure: Structure, offset: number, type: Type) => object;
  static {
    this.typeOf = (structure) => structure.#type;
    this.viewOf = (structure) => structure.#view;
    this.partOf = (structure, offset, type) => structure.#part(offset, type);
  }

  readonly #type: Type;
  readonly #view: DataView;
  #parts: Map<number, object> | undefined;

  constructor(type: Type, buffer: ArrayBufferLike, offset: number) {
    this.#type = type;
    this.#view = new DataView(buffer, offset, type.size);
  }

  #part(offset: number, type: Type): object {
    this.#parts ??= new Map();
    let part = this.#parts.get(offset);
    if (part === undefined) {
      part = type.at(this.#view.buffer, this.#view.byteOffset + offset);
      this.#parts.set(offset, part);
    }
    return part;
  }

  /** The fields as a plain object. */
  toJSON(): Record<string, unknown> {
    const record = this as unknown as Record<string, unknown>;
    const names = Object.keys(Object.getPrototypeOf(this) as object);
    return Object.fromEntries(names.map((name) => [name, record[name]]));
  }

  [inspect.custom](_depth: number, options: object): string {
    return `Structure ${inspect(Structure.prototype.toJSON.call(this), options)}`;
  }
}

/** Python's index: negative ones count from the end. @throws IndexError */
export function checkedIndex(index: unknown, length: number): number {
  const number = checkedInteger('index', index);
  const found = number < 0 ? number + length : number;
  if (found < 0 || found >= length) throw new IndexError('invalid index');
  return found;
}

/**
 * An array whose elements are structures or arrays: each is a view, made when it is first used.
 * `array[i]` is slower than get(i).
 */
export class CompoundArray<T extends object = object> {
  static placeOf: (array: object) => Place;
  static {
    this.placeOf = (array) => (array as CompoundArray).#place;
  }

  readonly length: number;
  readonly #place: Place;
  readonly #elements: T[] = [];
  [index: number]: T;

  /** @param place That of the elements. */
  constructor(place: Place, length: number) {
    this.#place = place;
    this.length = length;
  }

  /** The element; negative indexes count from the end. @throws IndexError */
  get(index: number): T {
    const found = checkedIndex(index, this.length);
    const { type, buffer, offset } = this.#place;
    return (this.#elements[found] ??= type.at(buffer, offset + found * type.size) as T);
  }

  /** Copies the value into the element. @throws IndexError */
  set(index: number, value: unknown): void {
    this.#place.type.assign(this.get(index), value);
  }

  /** The element, or undefined outside. */
  at(index: number): T | undefined {
    return index < -this.length || index >= this.length ? undefined : this.get(index);
  }

  slice(start?: number, end?: number): T[] {
    return [...this].slice(start, end);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.length; index++) yield this.get(index);
  }

  [inspect.custom](_depth: number, options: object): string {
    return `CompoundArray ${inspect([...this], options)}`;
  }
}

addIndexSyntax(CompoundArray.prototype);

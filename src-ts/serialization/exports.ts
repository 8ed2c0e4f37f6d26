/** Functions that a CommonJS module exports: they cross as the path and the name. */

import { isAbsolute } from 'node:path';
import { types } from 'node:util';

import type { AnyFunction } from './kinds';

export interface Export {
  path: string;
  /** null: module.exports itself. */
  name: string | null;
}

const found = new WeakMap<AnyFunction, Export>();

/** Where a function is exported. */
export function exportOf(wanted: AnyFunction): Export | undefined {
  return found.get(wanted) ?? search(wanted, dataOf) ?? search(wanted, gettersOf);
}

type Lister = (exported: object) => [name: string, value: unknown][];

function search(wanted: AnyFunction, list: Lister): Export | undefined {
  for (const path of loadedPaths()) {
    const exported: unknown = require.cache[path]?.exports;
    if (types.isProxy(exported)) continue;
    remember(path, null, exported);
    if (exported === null || (typeof exported !== 'object' && typeof exported !== 'function')) {
      continue;
    }
    for (const [name, value] of list(exported)) remember(path, name, value);
  }
  return found.get(wanted);
}

function remember(path: string, name: string | null, value: unknown): void {
  if (typeof value === 'function' && !found.has(value)) found.set(value, { path, name });
}

/** The program itself last: another process had better not run it for a function that it re-exports. */
function loadedPaths(): string[] {
  const main = require.main?.filename;
  const paths = Object.keys(require.cache).filter((path) => isAbsolute(path) && path !== main);
  return main === undefined ? paths : [...paths, main];
}

function dataOf(exported: object): [name: string, value: unknown][] {
  return descriptorsOf(exported).map(([name, property]) => [name, property.value]);
}

/** What compilers make of the exports of ES modules. Other getters may load what nobody asked for. */
function gettersOf(exported: object): [name: string, value: unknown][] {
  if (!Object.hasOwn(exported, '__esModule')) return [];
  return descriptorsOf(exported).map(([name, property]) => [name, got(property)]);
}

function descriptorsOf(exported: object): [name: string, property: PropertyDescriptor][] {
  const all = Object.entries(Object.getOwnPropertyDescriptors(exported));
  return all.filter(([, property]) => property.enumerable);
}

function got(property: PropertyDescriptor): unknown {
  try {
    return property.get?.();
  } catch {
    // A module of a cycle, which is not complete yet.
    return undefined;
  }
}

/** The function of that name; undefined if the module has none. Loads the module. */
export function exported({ path, name }: Export): AnyFunction | undefined {
  if (!isAbsolute(path)) return undefined;
  const all: unknown = require(path);
  const value: unknown = name === null ? all : ownValue(all, name);
  return typeof value === 'function' ? value : undefined;
}

function ownValue(object: unknown, name: string): unknown {
  if (object === null || object === undefined || !Object.hasOwn(object, name)) return undefined;
  return (object as Record<string, unknown>)[name];
}

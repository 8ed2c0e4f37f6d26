/** A list in shared memory, in CPython's layout: Python programs can attach to it. */

import { inspect } from 'node:util';

import { checkedInteger, withKnownNames } from '../arguments';
import { IndexError, ValueError } from '../errors';
import * as serialization from '../serialization';
import { decode, encode, Layout, type ShareableListItem } from './layout';
import { SharedMemory } from './segment';

export type { ShareableListItem } from './layout';

export interface ShareableListOptions {
  /** The name of the segment: to be made if there is a sequence, else to attach to. */
  name?: string | null;
}

/**
 * A list of fixed length whose items are in shared memory. An item can be replaced by one of another
 * type; strings and bytes have to fit where the first item was: 8, 16, 24... bytes, always one more
 * than that had at least. Nothing orders what several processes do to an item: use a Lock.
 *
 * `list[0]`, `list[-1]` and `list[0] = 'new'` work as in Python; get() and set() do the same.
 *
 * What JavaScript and the layout cannot tell apart: a safe integer is stored as an int, so 1.0 is 1 for
 * Python; an int that is not safe in JavaScript is read as a BigInt; NULs at the end of strings and
 * bytes are lost, as in Python.
 *
 * @example
 * const list = new ShareableList(['howdy', -273.154, 100, null, true]);
 * const same = new ShareableList(null, { name: list.shm.name });
 *
 * @see https://docs.python.org/3/library/multiprocessing.shared_memory.html#multiprocessing.shared_memory.ShareableList
 */
export class ShareableList implements Iterable<ShareableListItem> {
  /** The segment: close() and unlink() are its methods. */
  readonly shm: SharedMemory;
  readonly #layout: Layout;
  [index: number]: ShareableListItem;

  /**
   * Makes a list of the items, or attaches to one if there are none, but a name.
   * @throws TypeError for an item of another type; OverflowError for a BigInt out of int64.
   * @throws ValueError if there is something else under that name; what SharedMemory() throws.
   */
  constructor(sequence?: Iterable<ShareableListItem> | null, options: ShareableListOptions = {}) {
    const { name = null } = withKnownNames('ShareableList', options, ['name']);
    if (sequence == null && name !== null) {
      this.shm = new SharedMemory({ name });
      this.#layout = this.#orClosed(() => Layout.read(this.shm));
      return;
    }
    const items = [...(sequence ?? [])].map(encode);
    const layout = Layout.of(items);
    this.shm = new SharedMemory({ name, create: true, size: layout.size });
    this.#layout = layout;
    layout.write(this.#memory(), items);
  }

  /** How many items: it never changes. */
  get length(): number {
    return this.#layout.length;
  }

  /**
   * An item; -1 is the last one.
   * @throws IndexError
   */
  get(index: number): ShareableListItem {
    const position = this.#position(index, 'index out of range');
    const memory = this.#memory();
    return decode(memory, this.#layout.slot(position), this.#layout.formatAt(memory, position));
  }

  /** The same as get(). */
  at(index: number): ShareableListItem {
    return this.get(index);
  }

  /**
   * Replaces an item. After an error nothing has changed.
   * @throws IndexError; ValueError if a string or bytes are too long; TypeError; OverflowError.
   */
  set(index: number, value: ShareableListItem): void {
    const position = this.#position(index, 'assignment index out of range');
    this.#layout.replace(this.#memory(), position, encode(value));
  }

  *[Symbol.iterator](): Generator<ShareableListItem, undefined> {
    for (let index = 0; index < this.length; index++) yield this.get(index);
  }

  /** How often the value is in the list. */
  count(value: ShareableListItem): number {
    let count = 0;
    for (const item of this) if (areEqual(item, value)) count += 1;
    return count;
  }

  /**
   * The first place of the value.
   * @throws ValueError if it is not in the list.
   */
  index(value: ShareableListItem): number {
    for (let index = 0; index < this.length; index++) {
      if (areEqual(this.get(index), value)) return index;
    }
    throw new ValueError('ShareableList.index(x): x not in list');
  }

  /** The formats of all items, as Python's module struct writes them: `8sdq`. */
  get format(): string {
    const memory = this.#memory();
    const positions = Array.from({ length: this.length }, (_, position) => position);
    return positions.map((position) => this.#layout.formatAt(memory, position).text).join('');
  }

  /** Python's repr: `ShareableList([ 'howdy', 100 ], name='psm_6f1a2b3c')`. */
  toString(): string {
    const items = this.shm.buf === null ? 'closed' : inspect([...this]);
    return `${this.constructor.name}(${items}, name=${inspect(this.shm.name)})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #position(index: number, otherwise: string): number {
    const position = checkedInteger('index', index) < 0 ? index + this.length : index;
    if (position < 0 || position >= this.length) throw new IndexError(otherwise);
    return position;
  }

  #memory(): Buffer {
    const { buf } = this.shm;
    if (buf === null) throw new ValueError('the shared memory of this list is closed');
    return buf;
  }

  #orClosed<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      this.shm.close();
      throw error;
    }
  }
}

/** Numbers by value, whether BigInt or not; bytes by content. */
function areEqual(a: ShareableListItem, b: ShareableListItem): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    return typeof a !== 'boolean' && typeof a !== 'string' && a == b;
  }
  return a === b;
}

/** The integer that is written so, or undefined. */
function indexOf(key: string | symbol): number | undefined {
  if (typeof key !== 'string' || key.charCodeAt(0) > NINE) return undefined;
  const index = Number(key);
  return Number.isInteger(index) && String(index) === key ? index : undefined;
}

const NINE = '9'.charCodeAt(0);

// Indexes are no properties of a list or of its class, so they are looked up at the end of the chain of
// prototypes. A Proxy there costs those nothing who call methods, and the list itself is no Proxy.
Object.setPrototypeOf(
  ShareableList.prototype,
  new Proxy(
    {},
    {
      get(target, key, list: ShareableList): unknown {
        const index = indexOf(key);
        return index === undefined ? Reflect.get(target, key, list) : list.get(index);
      },
      set(target, key, value: ShareableListItem, list: ShareableList): boolean {
        const index = indexOf(key);
        if (index === undefined) return Reflect.set(target, key, value, list);
        list.set(index, value);
        return true;
      },
    },
  ),
);

serialization.register(ShareableList, {
  name: 'multiproc.ShareableList',
  reduce: (list: ShareableList) => ({ name: list.shm.name }),
  construct: ({ name }: { name: string }) => new ShareableList(null, { name }),
});

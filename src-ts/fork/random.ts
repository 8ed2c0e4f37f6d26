/** Random numbers: without this, every child would draw the same ones. */

import { randomFillSync, randomInt, randomUUID } from 'node:crypto';

import { registerAtFork } from '../at-fork';
import { forker } from '../native';
import { realms } from '../realm';
import { replaceInChildren } from './replace';

const words = new Uint32Array(512);
let nextWord = words.length;

/**
 * Doubles in [0, 1) of 53 random bits. V8 keeps the state of its Math.random() where nobody can
 * reach it, so that of a child draws from OpenSSL, which seeds itself anew after a fork.
 */
function random(): number {
  if (nextWord === words.length) {
    randomFillSync(words);
    nextWord = 0;
  }
  const high = words[nextWord]! >>> 5;
  const low = words[nextWord + 1]! >>> 6;
  nextWord += 2;
  return (high * 0x4000000 + low) / 0x20000000000000;
}

for (const { Math } of realms) replaceInChildren(Math, 'random', { value: random, writable: true });

/** crypto.randomInt() reads from a buffer that only this method call ever shows. */
const intCache = findIntCache();

function findIntCache(): Buffer {
  const original = Object.getOwnPropertyDescriptor(Buffer.prototype, 'readUIntBE')!;
  const seen: Buffer[] = [];
  Object.defineProperty(Buffer.prototype, 'readUIntBE', {
    configurable: true,
    value(this: Buffer) {
      seen.push(this);
      return 0;
    },
  });
  try {
    randomInt(2);
  } finally {
    Object.defineProperty(Buffer.prototype, 'readUIntBE', original);
  }
  const [cache] = seen;
  if (cache === undefined) throw new Error('multiproc does not know the crypto of this Node');
  return cache;
}

/** A child that draws fills the buffer first; most children never do. */
replaceInChildren(intCache, 'readUIntBE', {
  value(this: Buffer, offset: number, length: number) {
    Reflect.deleteProperty(this, 'readUIntBE');
    randomFillSync(this);
    return this.readUIntBE(offset, length);
  },
});

/** crypto.randomUUID() refills its cache once in so many calls. */
const uuidCacheLength = 128;

const draw = (): void => void randomUUID();

/** Uses the cache up, so that the next one to call, here or in a child, refills it. */
function emptyUuidCache(): void {
  const addon = forker();
  for (let calls = 0; !addon.drawsRandomBytes(draw); calls++) {
    if (calls > uuidCacheLength) throw new Error('multiproc does not know the crypto of this Node');
  }
  for (let left = 1; left < uuidCacheLength; left++) draw();
}

registerAtFork({
  before: emptyUuidCache,
  child() {
    nextWord = words.length;
  },
});

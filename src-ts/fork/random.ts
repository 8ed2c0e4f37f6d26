/** Random numbers: without this, every child would draw the same ones. */

import { randomFillSync, randomInt, randomUUID } from 'node:crypto';

import { registerAtFork } from '../at-fork';
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

registerAtFork({
  child() {
    nextWord = words.length;
    refreshIntCache();
    refreshUuidCache();
  },
});

/** crypto.randomInt() reads from a buffer that only this method call ever shows. */
const intCache = findIntCache();

function findIntCache(): Buffer | undefined {
  const original = Object.getOwnPropertyDescriptor(Buffer.prototype, 'readUIntBE')!;
  const read = Buffer.prototype.readUIntBE;
  let found: Buffer | undefined;
  try {
    Object.defineProperty(Buffer.prototype, 'readUIntBE', {
      configurable: true,
      value(this: Buffer, offset: number, length: number) {
        found = this;
        return read.call(this, offset, length);
      },
    });
    randomInt(2);
  } finally {
    Object.defineProperty(Buffer.prototype, 'readUIntBE', original);
  }
  return found;
}

const intCacheLength = 1024;

function refreshIntCache(): void {
  if (intCache !== undefined) {
    randomFillSync(intCache);
  } else {
    for (let i = 0; i < intCacheLength; i++) randomInt(2);
  }
}

const uuidCacheLength = 128;

/** crypto.randomUUID() refills its cache once in so many calls; what is left is the parent's. */
function refreshUuidCache(): void {
  for (let i = 0; i < uuidCacheLength; i++) randomUUID();
}

'use strict';

// Prints random values of three children, a grandchild and the parent: "<source> <value>".

const crypto = require('node:crypto');

const { Process } = require('multiproc');

const { randomBytes, randomInt, randomUUID } = crypto;
const wide = 2 ** 48 - 1;

const sources = {
  'Math.random': () => Math.random(),
  randomUUID: () => randomUUID(),
  'randomUUID without its cache': () => randomUUID({ disableEntropyCache: true }),
  'crypto.randomUUID of the Web': () => globalThis.crypto.randomUUID(),
  randomInt: () => randomInt(wide),
  'randomInt of the module': () => crypto.randomInt(wide),
  'randomInt with a callback': () =>
    new Promise((resolve, reject) => {
      randomInt(wide, (error, value) => (error ? reject(error) : resolve(value)));
    }),
  randomBytes: () => randomBytes(12).toString('hex'),
  randomFillSync: () => crypto.randomFillSync(Buffer.alloc(12)).toString('hex'),
  getRandomValues: () => Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString('hex'),
  'getRandomValues of the Web': () =>
    globalThis.crypto.getRandomValues(new BigUint64Array(2)).join(),
};

async function draw() {
  for (const [name, source] of Object.entries(sources)) {
    for (let i = 0; i < 5; i++) console.log(`${await source()} ${name}`);
  }
}

async function drawInTwoGenerations() {
  await draw();
  await inChild(draw);
}

async function inChild(target) {
  const child = new Process({ target });
  child.start();
  await child.joinAsync(10);
  if (child.exitcode !== 0) process.exit(1);
}

async function main() {
  // 'used': the caches are half empty at the fork.
  if (process.argv[2] === 'used') await draw();
  await inChild(draw);
  await inChild(draw);
  await inChild(drawInTwoGenerations);
  await draw();
}

void main();

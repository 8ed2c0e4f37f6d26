import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { Process } from 'multiproc';

import goModule from './go.js';

// Named imports of a CommonJS package are found without running it.
if (typeof Process !== 'function') throw new TypeError('no Process');

if (process.argv[2] === 'await') {
  await sleep(1);
  await readFile(new URL(import.meta.url));
}
goModule.go();
await sleep(1);
console.log(`${process.pid} evaluated`);

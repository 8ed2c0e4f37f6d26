// Forks from an ES module's top level: at once, or after await.

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { posix } from 'multiproc';

import forking from './go.js';

if (process.argv[2] === 'await') {
  await sleep(1);
  await readFile(new URL(import.meta.url));
}
forking.go();
await sleep(1);
console.log(`${posix.getpid()} evaluated once`);

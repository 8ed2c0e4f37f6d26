'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');
const { arm, log } = require('./pending');

const storage = new AsyncLocalStorage();

async function target() {
  log(`began with ${storage.getStore()}`);
  await sleep(15);
  await fs.promises.readFile(__filename);
  await new Promise(setImmediate);
  await new Promise(process.nextTick);
  await new Promise((resolve) => setTimeout(resolve, 15));
  log(`ended with ${storage.getStore()}`);
}

/** Forks here, with everything pending. The child has all the time to run it before the parent. */
function go() {
  const child = new Process({ target });
  void arm();
  log('armed finally');
  try {
    child.start();
  } catch {
    log('ran catch');
  } finally {
    log('ran finally');
  }
  child.join(10);
  log(`exitcode ${child.exitcode}`);
}

module.exports = { go, storage };

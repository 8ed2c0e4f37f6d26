'use strict';

// Prints how many milliseconds of CPU time a child takes to wait for 300 ms.

const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');
const { arm, log } = require('./pending');

async function target() {
  await sleep(20);
  const before = process.cpuUsage();
  await sleep(300);
  const { user, system } = process.cpuUsage(before);
  log(`used ${(user + system) / 1000}`);
}

void arm();
const child = new Process({ target });
child.start();
child.join(10);
log(`exitcode ${child.exitcode}`);

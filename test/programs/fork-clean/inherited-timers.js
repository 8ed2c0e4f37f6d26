'use strict';

// Timers of the parent that the child starts again are the child's then.

const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');
const { log } = require('./pending');

const timers = Object.fromEntries(
  ['untouched', 'refreshed at once', 'refreshed when overdue', 'refreshed twice'].map((name) => [
    name,
    setTimeout(() => log(name), 20),
  ]),
);

async function target() {
  timers['refreshed at once'].refresh();
  timers['refreshed twice'].refresh();
  await sleep(60);
  timers['refreshed when overdue'].refresh();
  timers['refreshed twice'].refresh();
  await sleep(60);
}

const child = new Process({ target });
child.start();
child.join(10);
log(`exitcode ${child.exitcode}`);

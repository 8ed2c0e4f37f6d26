'use strict';

// A child leaves everything pending as well, and forks; then it waits until all of its own has run.

const { Process } = require('multiproc');
const { go } = require('./go');
const { arm, log } = require('./pending');

async function forkAndRunAll() {
  setTimeout(go, 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await arm();
  log('all ran');
}

const child = new Process({ target: forkAndRunAll });
child.start();
child.join(10);
log(`exitcode ${child.exitcode}`);

// Four processes that want the same lock all the time.
'use strict';

const { compare } = require('./lib');

const PROCESSES = 4;
const SECONDS = 0.2;

function run() {
  compare('contended', 'acquire, counter++, release: millions a second', [
    [`${PROCESSES} processes together`, [PROCESSES, SECONDS]],
  ]);
  console.log('(C: a named semaphore)');
}

module.exports = { run };

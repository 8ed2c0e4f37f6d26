// Acquiring and releasing what nobody else wants.
'use strict';

const { compare } = require('./lib');

const COUNT = 500_000;

function run() {
  compare('lock', 'acquire + release, uncontended, millions a second', [
    ['Lock', ['Lock', COUNT]],
    ['RLock', ['RLock', COUNT]],
    ['Semaphore', ['Semaphore', COUNT]],
  ]);
  console.log('(C: sem_wait and sem_post of a named semaphore)');
}

module.exports = { run };

// Four processes that want the same lock all the time.
'use strict';

const { compare } = require('./lib');

const COUNT = 20_000;

function run() {
  compare('contended', 'acquire, counter++, release: millions a second', [
    ['4 processes together', [4, COUNT]],
  ]);
  console.log('(C: a named semaphore)');
}

module.exports = { run };

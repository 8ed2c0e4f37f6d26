// The tasks, for our own pool and those of threads.
'use strict';

const increment = (x) => x + 1;

/** Work for the processor. */
function work(iterations) {
  let x = 1;
  for (let i = 0; i < iterations; i++) x = (Math.imul(x, 1103515245) + 12345) | 0;
  return x;
}

const echo = (bytes) => bytes;

module.exports = { echo, increment, work };

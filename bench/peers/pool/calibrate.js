// calibrate.js MILLISECONDS: prints how many iterations of work() take so long.
'use strict';

const { now } = require('../../lib');
const { work } = require('./tasks');

const ITERATIONS = 1e7;

const times = Array.from({ length: 10 }, () => {
  const begin = now();
  work(ITERATIONS);
  return now() - begin;
});
console.log(Math.round((ITERATIONS * Number(process.argv[2])) / Math.min(...times)));

// How each pool is measured. pool.py does the same.
'use strict';

const { median, now, time } = require('../../lib');

/** Milliseconds for which an action is repeated, to warm up and to be measured. */
const BUDGET = 150;
const MOST_SAMPLES = 5;

/** Milliseconds of `action(count)`, after some of `action(few)` to warm up. */
async function milliseconds(action, count, few = Math.ceil(count / 10)) {
  const warm = now() + BUDGET;
  do await action(few);
  while (now() < warm);
  const samples = [];
  const end = now() + BUDGET;
  do samples.push(await time(() => action(count)));
  while (now() < end && samples.length < MOST_SAMPLES);
  return median(samples);
}

const thousandsASecond = async (action, count, few) =>
  count / (await milliseconds(action, count, few));
const seconds = async (action, count) => (await milliseconds(action, count)) / 1000;
const perSecond = async (action, count) => 1000 * (await thousandsASecond(action, count));

function check(condition, what) {
  if (!condition) throw new Error(`wrong result of ${what}`);
}

/** Whether it is what increment() makes of its index. */
const incremented = (result, index) => result === index + 1;

/** Calls an async function so often, a few at the same time: it keeps few of the results. */
async function inLanes(lanes, count, call) {
  let begun = 0;
  const lane = async (number) => {
    while (begun < count) {
      begun += 1;
      await call(number);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
}

module.exports = { check, incremented, inLanes, perSecond, seconds, thousandsASecond };

'use strict';
// A party of a Barrier is killed. The others get a BrokenBarrierError, and can use it after reset().

const assert = require('node:assert');
const { Barrier, BrokenBarrierError } = require('multiproc');
const {
  BOUND,
  expectEnd,
  kill,
  reportsOf,
  runRounds,
  sharedWords,
  sleep,
  start,
  until,
} = require('./lib');

// Words: whether it was reset, then for each how often it has passed, then whether it is broken.
const [RESET, PASSED, BROKEN] = [0, 1, 4];

runRounds((random, number) => {
  // A long timeout: only those who notice that a party was killed while it waited are in time.
  const timeout = number % 8 === 0 ? 1 : 0.02 + random.real() * 0.03;
  const barrier = new Barrier(3, null, timeout);
  const words = sharedWords(7);
  const isAsync = random.chance(0.4);
  const wait = () => (isAsync ? barrier.waitAsync() : barrier.wait());
  const pass = async (index, report) => {
    try {
      for (;;) {
        await wait();
        words[PASSED + index] += 1;
      }
    } catch (error) {
      assert.ok(error instanceof BrokenBarrierError, error.stack);
    }
    words[BROKEN + index] = 1;
    until(() => words[RESET] === 1, 'reset()');
    for (let i = 0; i < 3; i++) report(barrier.wait(BOUND));
  };
  const [victim, ...survivors] = [0, 1, 2].map((index) => start((report) => pass(index, report)));
  until(() => words[PASSED] > 0 || words[BROKEN] === 1, 'all before one is killed');
  sleep(random.real() * 5);
  kill(victim);
  until(() => words[BROKEN + 1] === 1 && words[BROKEN + 2] === 1, 'survivors of a killed party');
  assert.strictEqual(barrier.broken, true);
  assert.ok(Math.abs(words[PASSED + 1] - words[PASSED + 2]) <= 1, 'out of step');

  barrier.reset();
  words[RESET] = 1;
  const indexes = [0, 1, 2].map(() => barrier.wait(BOUND));
  const others = survivors.map(reportsOf);
  expectEnd(...survivors);
  reportsOf(victim);
  for (let i = 0; i < 3; i++) {
    const all = [indexes[i], others[0][i], others[1][i]].sort();
    assert.deepStrictEqual(all, [0, 1, 2]);
  }
});

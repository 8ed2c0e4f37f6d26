'use strict';
// One of those who wait for a Condition is killed. notify() passes over it.

const assert = require('node:assert');
const { Condition, Lock, OwnerDiedError, RLock } = require('multiproc');
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

// Words: whether to stop, then for each whether it waits, then how often it was woken.
const [STOP, WAITING, WOKEN] = [0, 1, 4];

runRounds((random, number) => {
  const condition = new Condition(number % 2 === 0 ? new Lock() : new RLock());
  const isAsync = random.chance(0.4);
  const words = sharedWords(7);

  /** A lock whose owner was killed is free after the error. */
  const acquire = () => {
    try {
      assert.ok(condition.acquire({ timeout: BOUND }), 'the lock is not free in time');
    } catch (error) {
      if (!(error instanceof OwnerDiedError)) throw error;
      acquire();
    }
  };
  const waitForIt = async (index) => {
    acquire();
    while (words[STOP] === 0) {
      words[WAITING + index] = 1;
      try {
        const woken = isAsync ? await condition.waitAsync(BOUND) : condition.wait(BOUND);
        assert.ok(woken, 'nobody notifies');
      } catch (error) {
        // With the lock held.
        if (!(error instanceof OwnerDiedError)) throw error;
      }
      words[WAITING + index] = 0;
      words[WOKEN + index] += 1;
    }
    condition.release();
  };
  const notify = (n) => {
    acquire();
    condition.notify(n);
    condition.release();
  };
  const [victim, ...survivors] = [0, 1, 2].map((index) => start(() => waitForIt(index)));
  const killAt = performance.now() + random.real() * 8;
  while (performance.now() < killAt) notify(1 + random.below(3));
  kill(victim);

  // Both wait, and the killed one may seem to: two notifications are for them.
  for (let i = 0; i < 5; i++) {
    const bothWait = () => words[WAITING + 1] === 1 && words[WAITING + 2] === 1;
    until(() => {
      acquire();
      if (bothWait()) return true;
      condition.release();
      return false;
    }, 'survivors before they wait');
    const before = [words[WOKEN + 1], words[WOKEN + 2]];
    condition.notify(2);
    condition.release();
    until(
      () => words[WOKEN + 1] > before[0] && words[WOKEN + 2] > before[1],
      'survivors that were notified',
    );
    sleep(random.real());
  }
  acquire();
  words[STOP] = 1;
  condition.notifyAll();
  condition.release();
  // Who was on its way to wait looks at STOP first.
  survivors.forEach(reportsOf);
  expectEnd(...survivors);
  reportsOf(victim);
  assert.strictEqual(condition.locked(), false);
});

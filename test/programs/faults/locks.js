'use strict';
// A process that uses a Lock, an RLock or a Semaphore is killed.

const assert = require('node:assert');
const { Lock, OwnerDiedError, RLock, Semaphore } = require('multiproc');
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

// Words: who is inside, the victim's pid, whether to stop, then a counter for each.
const [INSIDE, VICTIM, STOP, COUNTERS] = [0, 1, 2, 3];

runRounds((random, number) => {
  const kind = ['Lock', 'RLock', 'Semaphore'][number % 3];
  const lock = {
    Lock: () => new Lock(),
    RLock: () => new RLock(),
    Semaphore: () => new Semaphore(2),
  };
  const subject = lock[kind]();
  const isAsync = random.chance(0.4);
  const words = sharedWords(COUNTERS + 3);

  /** Alone here: neither was anybody before, nor comes anybody meanwhile. */
  const work = () => {
    if (kind === 'Semaphore') return;
    const other = words[INSIDE];
    assert.ok(other === 0 || other === words[VICTIM], `${other} is here, too`);
    words[INSIDE] = process.pid;
    for (let i = 0; i < 50; i++) assert.strictEqual(Atomics.load(words, INSIDE), process.pid);
    words[INSIDE] = 0;
  };
  const use = async (index, report) => {
    if (index === 0) words[VICTIM] = process.pid;
    while (words[STOP] === 0) {
      try {
        const timeout = { timeout: BOUND };
        const acquired = isAsync ? await subject.acquireAsync(timeout) : subject.acquire(timeout);
        assert.ok(acquired, 'not in time');
      } catch (error) {
        if (!(error instanceof OwnerDiedError)) throw error;
        report('OwnerDiedError');
        continue;
      }
      if (kind === 'RLock') subject.acquire();
      work();
      if (kind === 'RLock') subject.release();
      subject.release();
      words[COUNTERS + index] += 1;
    }
  };
  const [victim, ...survivors] = [0, 1, 2].map((index) => start((report) => use(index, report)));
  until(() => words[COUNTERS] > 0, 'the victim before it is killed');
  sleep(random.real() * 8);
  kill(victim);
  const before = Array.from(words);
  until(
    () => [1, 2].every((index) => words[COUNTERS + index] >= before[COUNTERS + index] + 20),
    `those who use a ${kind} that a killed process may have held`,
  );
  words[STOP] = 1;
  const reports = survivors.flatMap(reportsOf);
  expectEnd(...survivors);
  reportsOf(victim);
  assert.ok(reports.length <= (kind === 'Semaphore' ? 0 : 1), `${reports}`);
  if (kind === 'Semaphore') assert.ok(subject.getValue() >= 1 && subject.getValue() <= 2);
  else assert.strictEqual(subject.locked(), false);
});

'use strict';
// A producer of a Queue is killed. Another one goes on; at most the killed one's messages are missing.

const assert = require('node:assert');
const { Full, Queue } = require('multiproc');
const {
  Arrived,
  check,
  getOrNothing,
  kill,
  message,
  reportsOf,
  runRounds,
  sharedWords,
  start,
} = require('./lib');

runRounds((random) => {
  const large = random.chance(0.5);
  const maxsize = random.chance(0.3) ? 4 : 0;
  const sizes = Array.from({ length: 16 }, () => random.below(large ? 200_000 : 300));
  const queue = new Queue(maxsize);
  const put = sharedWords(3);
  const produce = (from, count) => {
    for (let i = 0; i < count; i++) {
      queue.put(message(from, i, sizes[i % 16]), { timeout: maxsize ? 0.2 : null });
      put[from] += 1;
    }
  };
  const victim = start(() => {
    produce(0, large ? 60 : 5000);
    return new Promise(() => {});
  });
  const survivors = [1, 2].map((from) =>
    start((report) => {
      try {
        produce(from, large ? 6 : 50);
      } catch (error) {
        report(error instanceof Full ? 'full' : error.stack);
      }
    }),
  );
  const arrived = new Arrived();
  const take = (options) => {
    const value = getOrNothing(queue, options);
    if (value !== undefined) arrived.add(check(value));
    return value !== undefined;
  };
  const killAt = performance.now() + random.below(15);
  while (performance.now() < killAt) take({ timeout: 0.001 });
  kill(victim);
  while (survivors.some((child) => child.isAlive())) take({ timeout: 0.005 });
  while (take(false));

  for (const [index, child] of survivors.entries()) {
    assert.strictEqual(child.exitcode, 0);
    assert.deepStrictEqual(
      reportsOf(child).filter((text) => !maxsize || text !== 'full'),
      [],
    );
    // Also what was put before it was Full.
    assert.strictEqual(arrived.of(index + 1).length, put[index + 1]);
  }
  reportsOf(victim);
  const got = arrived.of(0);
  assert.ok(got.length <= put[0] + 1 && got.every((number, i) => number === i), 'with a gap');
  if (!queue.full()) {
    queue.put('after');
    assert.strictEqual(queue.get({ timeout: 5 }), 'after');
  }
  queue.close();
  queue.joinThread();
});

'use strict';
// A consumer of a Queue is killed. At most the message that it was taking is missing.

const assert = require('node:assert');
const { Queue } = require('multiproc');
const {
  Arrived,
  BOUND,
  check,
  expectEnd,
  kill,
  message,
  reportsOf,
  runRounds,
  sleep,
  start,
} = require('./lib');

runRounds((random) => {
  const large = random.chance(0.5);
  const count = large ? 15 : 150;
  const queue = new Queue();
  const isAsync = random.chance(0.3);
  const consume = async (report) => {
    for (;;) {
      const value = isAsync ? await queue.getAsync() : queue.get({ timeout: BOUND });
      if (value === null) return;
      report(check(value));
    }
  };
  const [victim, survivor] = [start(consume), start(consume)];
  for (let i = 0; i < count; i++) queue.put(message(0, i, random.below(large ? 200_000 : 300)));
  sleep(random.below(15));
  kill(victim);
  for (let i = count; i < count + 5; i++) queue.put(message(0, i, 100));
  queue.put(null);

  const lists = [victim, survivor].map(reportsOf);
  expectEnd(survivor);
  const all = new Set();
  for (const list of lists) {
    const arrived = new Arrived();
    for (const pair of list) arrived.add(pair);
    for (const i of arrived.of(0)) all.add(i);
  }
  const total = lists[0].length + lists[1].length;
  assert.strictEqual(all.size, total, 'a message came twice');
  assert.ok(total === count + 5 || total === count + 4, `${total} of ${count + 5} have come`);
  queue.close();
  queue.joinThread();
});

'use strict';
// A writer and a reader of a SimpleQueue are killed.

const assert = require('node:assert');
const { SimpleQueue } = require('multiproc');
const {
  Arrived,
  check,
  expectEnd,
  kill,
  message,
  reportsOf,
  runRounds,
  sharedWords,
  sleep,
  start,
} = require('./lib');

runRounds((random) => {
  const large = random.chance(0.5);
  const count = large ? 6 : 60;
  const sizes = Array.from({ length: 16 }, () => random.below(large ? 200_000 : 300));
  const queue = new SimpleQueue();
  const put = sharedWords(2);
  const write = (from, limit) => {
    for (let i = 0; i < limit; i++) {
      queue.put(message(from, i, sizes[i % 16]));
      put[from] += 1;
    }
  };
  const read = (report) => {
    for (let value = queue.get(); value !== null; value = queue.get()) report(check(value));
  };
  const readers = [start(read), start(read)];
  const victim = start(() => {
    write(0, count * 10);
    return new Promise(() => {});
  });
  const survivor = start(() => write(1, count));
  const victims = random.chance(0.5) ? [victim, readers[0]] : [readers[0], victim];
  for (const each of victims) {
    sleep(random.below(8));
    kill(each);
  }
  expectEnd(survivor);
  queue.put(null);

  const arrived = [0, 1].map(() => new Set());
  for (const reader of readers) {
    const inOrder = new Arrived();
    for (const [from, i] of reportsOf(reader)) {
      inOrder.add([from, i]);
      assert.ok(!arrived[from].has(i), `${i} of ${from} came twice`);
      arrived[from].add(i);
    }
  }
  expectEnd(readers[1]);
  [victim, survivor].forEach(reportsOf);
  // One may have been in the hands of the killed reader.
  assert.ok(arrived[1].size >= count - 1, `${arrived[1].size} of ${count} have come`);
  const missing = put[0] - arrived[0].size + (count - arrived[1].size);
  assert.ok(missing <= 1, `${missing} are missing`);
  queue.close();
});

'use strict';
// One end of a Pipe is killed in the middle of big messages.

const assert = require('node:assert');
const { BrokenPipeError, EOFError, OSError, Pipe } = require('multiproc');
const {
  check,
  expectEnd,
  kill,
  message,
  reportsOf,
  runRounds,
  sharedWords,
  sleep,
  start,
  until,
} = require('./lib');

runRounds((random, number) => {
  const duplex = random.chance(0.5);
  const isAsync = random.chance(0.4);
  const sizes = Array.from({ length: 16 }, () => random.below(1_000_000));
  const [receiver, sender] = Pipe(duplex);
  const began = sharedWords(1);

  const receive = async (report) => {
    sender.close();
    try {
      for (let i = 0; ; i++) {
        const value = isAsync ? await receiver.recvAsync() : receiver.recv();
        began[0] = 1;
        assert.deepStrictEqual(check(value), [0, i]);
      }
    } catch (error) {
      // The other end was reset when what it had not read yet was lost with it.
      const cut = error instanceof OSError && error.message === 'got end of file during message';
      assert.ok(error instanceof EOFError || cut || error.code === 'ECONNRESET', error.stack);
      report('end');
    }
  };
  const send = async (report) => {
    receiver.close();
    try {
      for (let i = 0; ; i++) {
        const value = message(0, i, sizes[i % 16]);
        if (isAsync) await sender.sendAsync(value);
        else sender.send(value);
      }
    } catch (error) {
      const cut = error instanceof BrokenPipeError || error.code === 'ECONNRESET';
      assert.ok(cut, error.stack);
      report('end');
    }
  };
  const children = [start(receive), start(send)];
  receiver.close();
  sender.close();
  const [victim, survivor] = number % 2 === 0 ? children : children.reverse();
  until(() => began[0] === 1, 'the first message');
  sleep(random.real() * 8);
  kill(victim);
  assert.deepStrictEqual(reportsOf(survivor), ['end']);
  expectEnd(survivor);
  reportsOf(victim);
});

'use strict';

/** Children that write a lot and end at once: by process.exit(), by return, by a signal. */

const { Process } = require('multiproc');

const ends = {
  exit: () => process.exit(3),
  async return() {},
  kill: () => process.kill(process.pid, 'SIGKILL'),
};

function talk(how) {
  console.log(`${how}: log`);
  console.error(`${how}: error`);
  process.stdout.write('x'.repeat(1 << 20));
  process.stdout.write(Buffer.from('\n'));
  console.log(`${how}: last`);
  return ends[how]();
}

console.log('parent: before');
for (const how of Object.keys(ends)) {
  const child = new Process({ target: talk, args: [how] });
  child.start();
  child.join();
  console.log(`parent: ${how} ${child.exitcode}`);
}

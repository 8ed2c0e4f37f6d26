'use strict';

/**
 * How a program ends that has children. Arguments: how it ends; where it runs: 'main', or 'child'
 * for a child that has children.
 */

const { Process } = require('multiproc');

const [how, where] = process.argv.slice(2);

const ends = {
  return() {},
  exit: () => process.exit(3),
  throw() {
    throw new Error('the parent fails');
  },
  reject: () => Promise.reject(new Error('the parent fails')),
};

function program() {
  const worker = new Process({
    async target() {
      await new Promise((resolve) => setTimeout(resolve, 150));
      console.log('worker ends');
    },
  });
  const daemon = new Process({ target: () => new Promise(() => {}), daemon: true });
  worker.start();
  daemon.start();
  // Registered after start(), so it is called when the children are dealt with.
  process.on('exit', (code) => {
    console.log(`parent ends with ${code}: ${worker.exitcode} ${daemon.exitcode}`);
  });
  return ends[how]();
}

if (where === 'main') {
  void program();
} else {
  const child = new Process({ target: program });
  child.start();
  child.join();
  process.exitCode = child.exitcode;
}

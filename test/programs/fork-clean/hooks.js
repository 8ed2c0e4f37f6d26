'use strict';

// Hooks around two generations of forks; each line tells which process it comes from.

const { currentProcess, Process, registerAtFork } = require('multiproc');
const { log } = require('./pending');

const say = (text) => log(`${currentProcess().name}: ${text}`);

registerAtFork({
  before: () => say('before 1'),
  parent: () => say('parent 1'),
  child: () => say('child 1'),
});
registerAtFork({ before: () => say('before 2') });
registerAtFork({ parent: () => say('parent 2'), child: () => say('child 2') });

function forkAgain() {
  say('target');
  registerAtFork({ before: () => say('before 3') });
  start('Grandchild', () => say('target'));
}

function start(name, target) {
  const child = new Process({ name, target });
  child.start();
  child.join(10);
  say(`exitcode ${child.exitcode}`);
}

start('Child', forkAgain);

'use strict';

const { Process } = require('multiproc');

function onlyInReturningChild() {}
function onlyInExitingChild() {}
function onlyInFailingChild() {}
function inParent() {}

function start(target) {
  const child = new Process({ target });
  child.start();
  child.join(10);
}

start(() => onlyInReturningChild());
start(() => {
  onlyInExitingChild();
  process.exit(3);
});
start(async () => {
  onlyInFailingChild();
  throw new Error('on purpose');
});
inParent();

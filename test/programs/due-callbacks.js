'use strict';

/** Forks while a timer and an immediate of the parent's are due. The argument says from where. */

const fs = require('node:fs');
const { Process } = require('multiproc');

function forkWithWorkDue() {
  setTimeout(() => console.log('parent: timer'), 1);
  setImmediate(() => console.log('parent: immediate'));
  for (const end = performance.now() + 5; performance.now() < end;);
  const child = new Process({
    async target() {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setImmediate(resolve));
      console.log('child');
    },
  });
  child.start();
  child.join(5);
  console.log(`exitcode ${child.exitcode}`);
  child.kill();
}

const places = {
  script: forkWithWorkDue,
  tick: () => process.nextTick(forkWithWorkDue),
  promise: () => void Promise.resolve().then(forkWithWorkDue),
  timer: () => setTimeout(forkWithWorkDue, 1),
  immediate: () => setImmediate(forkWithWorkDue),
  'fs callback': () => fs.readFile(__filename, forkWithWorkDue),
  'fs promise': () => void fs.promises.readFile(__filename).then(forkWithWorkDue),
};

places[process.argv[2]]();

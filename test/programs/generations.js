'use strict';

/** C019: every process starts two, one after the other, to the depth of 2. */

const { currentProcess, Process } = require('multiproc');

function recurse(id) {
  console.log(JSON.stringify(id), currentProcess().name);
  if (id.length === 2) return;
  for (const i of [0, 1]) {
    const child = new Process({ target: recurse, args: [[...id, i]] });
    child.start();
    child.join();
  }
}

recurse([]);

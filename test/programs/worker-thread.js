'use strict';

/** start() and posix.fork() in a worker thread. */

const { isMainThread, parentPort, Worker } = require('node:worker_threads');
const { activeChildren, posix, Process } = require('multiproc');

function failure(call) {
  try {
    call();
    return null;
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
}

if (isMainThread) {
  new Worker(__filename).on('message', (seen) => console.log(JSON.stringify(seen)));
} else {
  parentPort.postMessage({
    start: failure(() => new Process({ target: () => posix.exit(9) }).start()),
    fork: failure(() => posix.fork()),
    children: activeChildren().length,
  });
}

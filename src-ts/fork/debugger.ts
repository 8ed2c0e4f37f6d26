/**
 * A debugger attached to the parent by network: a child that stops at one of its breakpoints would wait
 * for the thread that serves the connection, which is not here. So it goes on by itself.
 */

import { Worker } from 'node:worker_threads';

import { registerAtFork } from '../at-fork';
import { main } from '../realm';

type Inspector = typeof import('node:inspector');

/** Only another thread can make one go on that has stopped. */
const RESUMER = `
  const { Session } = require('node:inspector');
  const session = new Session();
  session.connectToMainThread();
  session.on('Debugger.paused', () => session.post('Debugger.resume'));
  session.post('Debugger.enable');
  setInterval(() => {}, 1e9);
`;

/** Whether this program, or the one that it was forked from, listens for debuggers. */
export function isInspected(): boolean {
  return main.process.features.inspector && inspector().url() !== undefined;
}

/** Loaded when it is needed: not every build of Node has it. */
function inspector(): Inspector {
  return require('node:inspector') as Inspector;
}

registerAtFork({
  child() {
    if (!isInspected()) return;
    const session = new (inspector().Session)();
    session.connect();
    session.once('Debugger.paused', () => {
      const options = { eval: true, stdout: true, stderr: true, execArgv: [] };
      new Worker(RESUMER, options).unref();
    });
    session.post('Debugger.enable');
  },
});

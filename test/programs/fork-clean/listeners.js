'use strict';

// The parent listens for everything. Its children end in every way, with or without a listener of
// their own.

const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');
const { log } = require('./pending');

const events = [
  'beforeExit',
  'disconnect',
  'exit',
  'message',
  'multipleResolves',
  'rejectionHandled',
  'uncaughtException',
  'uncaughtExceptionMonitor',
  'unhandledRejection',
  'SIGTERM',
  'SIGCHLD',
];

function parentsListener() {
  log("parent's listener");
}

const targets = {
  returns() {},
  exits: () => process.exit(3),
  async throws() {
    await sleep(1);
    throw new Error('on purpose');
  },
  async leavesRejection() {
    void Promise.reject(new Error('on purpose'));
    await sleep(1000);
  },
  async leavesException() {
    setTimeout(() => {
      throw new Error('on purpose');
    }, 1);
    await sleep(1000);
  },
  countsListeners() {
    const inherited = events.filter((event) => process.listeners(event).includes(parentsListener));
    log(`inherited: ${inherited.length}`);
  },
  async listens() {
    process.on('uncaughtException', ({ message }) => log(`child's listener: ${message}`));
    process.on('exit', (code) => log(`child's listener: exit ${code}`));
    setTimeout(() => {
      throw new Error('handled');
    }, 1);
    await sleep(20);
    process.exitCode = 4;
  },
};

for (const event of events) process.on(event, parentsListener);
for (const [name, target] of Object.entries(targets)) {
  const child = new Process({ target, name });
  child.start();
  child.join(10);
  log(`${name} ${child.exitcode}`);
}

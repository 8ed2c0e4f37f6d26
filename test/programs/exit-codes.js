'use strict';

/** Ends children in many ways; prints their exit codes. */

const fs = require('node:fs');
const { Worker } = require('node:worker_threads');
const { posix, Process } = require('multiproc');

const forever = () => new Promise(() => {});
const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function signalled(signal) {
  process.kill(process.pid, signal);
  return forever();
}

const ends = {
  return: () => 42,
  'async return': async () => later(1),
  'a promise-like': () => ({ then: (resolve) => setTimeout(resolve, 1) }),
  'process.exit()': () => process.exit(),
  'process.exit(undefined)': () => process.exit(undefined),
  'process.exit(null)': () => process.exit(null),
  'process.exit(0)': () => process.exit(0),
  'process.exit(8)': () => process.exit(8),
  "process.exit('7')": () => process.exit('7'),
  'process.exit(300)': () => process.exit(300),
  'process.exit(-1)': () => process.exit(-1),
  'process.exit(true)': () => process.exit(true),
  'process.exit(false)': () => process.exit(false),
  'process.exit(5) after await': async () => {
    await later(1);
    process.exit(5);
  },
  'process.exit(6) in a timer': () => {
    setTimeout(() => process.exit(6), 1);
    return forever();
  },
  'process.exitCode = 3': () => {
    process.exitCode = 3;
  },
  'process.exitCode = 4 after await': async () => {
    await later(1);
    process.exitCode = 4;
  },
  'process.exitCode = 9, process.exit()': () => {
    process.exitCode = 9;
    process.exit();
  },
  'process.exitCode in an exit listener': () => {
    process.on('exit', () => (process.exitCode = 11));
  },
  'process.reallyExit(12)': () => process.reallyExit(12),
  'posix.exit(13)': () => posix.exit(13),
  SIGTERM: () => signalled('SIGTERM'),
  SIGKILL: () => signalled('SIGKILL'),
  SIGINT: () => signalled('SIGINT'),
  SIGUSR2: () => signalled('SIGUSR2'),
  'a signal that is listened to': () => {
    process.on('SIGTERM', () => process.exit(14));
    return signalled('SIGTERM');
  },
  'an error that a listener handles': () => {
    process.on('uncaughtException', () => {});
    throw new Error('handled');
  },
  'an interval left pending': () => {
    setInterval(() => {}, 1000);
  },
  'a Worker left running': () => {
    new Worker('setInterval(() => {}, 1000)', { eval: true });
  },
  'streams destroyed': () => {
    process.stdout.destroy();
    process.stderr.destroy();
  },
  'streams replaced': () => {
    for (const name of ['stdout', 'stderr']) {
      Object.defineProperty(process, name, { value: null });
    }
  },
  'descriptors closed': () => {
    fs.closeSync(1);
    fs.closeSync(2);
  },
};

const exitcodes = {};
for (const [name, target] of Object.entries(ends)) {
  const child = new Process({ target });
  child.start();
  child.join(5);
  exitcodes[name] = child.exitcode;
  child.kill();
}
console.log(JSON.stringify(exitcodes));

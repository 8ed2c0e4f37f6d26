'use strict';

/** Children of fork(2) that end in many ways; prints the exit codes. */

const { posix } = require('multiproc');

process.on('exit', () => {
  if (posix.getpid() !== main) process.stderr.write(`listener ${how};`);
});

const main = posix.getpid();
let how = '';

const ends = {
  'posix.exit()': () => posix.exit(),
  'posix.exit(5)': () => posix.exit(5),
  'posix.exit(300)': () => posix.exit(300),
  'process.exit(6)': () => process.exit(6),
  'process.exitCode = 7': () => {
    process.exitCode = 7;
  },
  'runs dry': () => setTimeout(() => {}, 1),
  throws() {
    throw new Error('thrown in a child');
  },
  rejects: () => void Promise.reject(new Error('rejected in a child')),
  SIGKILL: () => posix.kill(posix.getpid(), 'SIGKILL'),
  'a child of its own': () => {
    const child = posix.fork();
    if (child === 0) posix.exit(8);
    process.exitCode = posix.WEXITSTATUS(posix.waitpid(child)[1]) + 1;
  },
};

const exitcodes = {};

/** One after the other, for a child goes on from here as its parent does. */
function next(names) {
  [how] = names;
  if (how === undefined) {
    console.log(JSON.stringify(exitcodes));
    return;
  }
  const child = posix.fork();
  if (child === 0) {
    ends[how]();
    return;
  }
  exitcodes[how] = posix.waitstatusToExitcode(posix.waitpid(child)[1]);
  next(names.slice(1));
}

next(Object.keys(ends));

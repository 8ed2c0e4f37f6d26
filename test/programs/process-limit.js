'use strict';

/** start() and posix.fork() at the limit of processes (ulimit -u), and again without it. */

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { inspect } = require('node:util');
const { activeChildren, posix, Process } = require('multiproc');

/** A program that was started before the limit holds, for it takes a fork itself. */
function limiter(limit) {
  const command = `read go; exec prlimit --pid ${process.pid} --nproc=${limit}`;
  const shell = spawn('sh', ['-c', command], { stdio: ['pipe', 'ignore', 'inherit'] });
  return async () => {
    shell.stdin.end('go\n');
    await once(shell, 'close');
  };
}

function hardLimit() {
  return /^Max processes +\S+ +(\S+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))[1];
}

function failure(call) {
  try {
    call();
    return null;
  } catch ({ constructor, code, errno, syscall, message }) {
    return { class: constructor.name, code, errno, syscall, message };
  }
}

const descriptors = () => fs.readdirSync('/proc/self/fd').length;

async function main() {
  const lower = limiter('1:');
  const raise = limiter(`${hardLimit()}:`);
  const child = new Process({ target: () => process.exit(5), name: 'limited' });
  // The first start() loads what forks, which must not count as left open.
  new Process().start();
  await Promise.all(activeChildren().map((each) => each.joinAsync()));
  await lower();
  const before = descriptors();
  const seen = {
    start: failure(() => child.start()),
    fork: failure(() => posix.fork()),
    descriptorsLeft: descriptors() - before,
    pid: child.pid,
    children: activeChildren().length,
    shown: inspect(child),
  };
  await raise();
  child.start();
  child.join();
  console.log(JSON.stringify({ ...seen, exitcodeWithoutLimit: child.exitcode }));
}

void main();

'use strict';

// Launches itself under a limit of processes, and forks until that fails.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');

const { activeChildren, Process, registerAtFork } = require('multiproc');

const nobody = 65534;
const room = 60;

/** The kernel counts threads, and exempts root. */
function launch() {
  const limit = room + (process.getuid() === 0 ? tasksOf(nobody) : tasksOf(process.getuid()));
  const command = `ulimit -u ${limit} && exec "$0" "$1" limited`;
  const options = { stdio: 'inherit', timeout: 15000 };
  const { status } = spawnSync('sh', ['-c', command, process.execPath, __filename], options);
  process.exitCode = status;
}

function tasksOf(user) {
  const mine = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && ownerOf(name) === user);
  return mine.reduce((sum, pid) => sum + tasksIn(pid), 0);
}

function ownerOf(pid) {
  return fs.statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

function tasksIn(pid) {
  try {
    return fs.readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

function forkUntilItFails() {
  if (process.getuid() === 0) process.setuid(nobody);
  const calls = { before: 0, parent: 0 };
  registerAtFork({ before: () => calls.before++, parent: () => calls.parent++ });
  let started = 0;
  let failure;
  while (failure === undefined && started < room) {
    try {
      new Process({ target: () => new Promise(() => {}), daemon: true }).start();
      started++;
    } catch (error) {
      failure = error;
    }
  }
  const children = activeChildren().length;
  console.log(JSON.stringify({ started, children, calls, name: failure?.name, code: failure?.code }));
}

if (process.argv[2] === 'limited') forkUntilItFails();
else launch();

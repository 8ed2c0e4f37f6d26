'use strict';

// Hooks around a fork that fails, because no more processes are allowed.

const { spawnSync } = require('node:child_process');

const { Process, registerAtFork } = require('multiproc');

/** As for everybody: the kernel does not limit root. */
function forbidProcesses() {
  spawnSync('prlimit', ['--pid', process.pid, '--nproc=1:'], { stdio: 'inherit' });
  if (process.getuid() === 0) process.setuid(65534);
}

const called = [];
registerAtFork({
  before: () => called.push('before'),
  parent: () => called.push('parent'),
  child: () => called.push('child'),
});
forbidProcesses();
try {
  new Process().start();
} catch ({ name, code }) {
  console.log(JSON.stringify({ name, code, called }));
}

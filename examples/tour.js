// npm start: a tour of real processes. Each step prints what the kernel did.
'use strict';

const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { cpuCount, currentProcess, parentProcess, posix, Process } = require('multiproc');

function title(text) {
  console.log(`\n--- ${text}`);
}

function startAll(count, options) {
  const processes = Array.from({ length: count }, (_, i) => new Process({ ...options, args: [i] }));
  for (const process of processes) process.start();
  return processes;
}

function joinAll(processes) {
  for (const process of processes) process.join();
}

function children() {
  title('Children: each is a process of its own');
  console.log(`the parent is ${posix.getpid()}`);
  const processes = startAll(3, {
    target(i) {
      const { name } = currentProcess();
      console.log(`${name}, number ${i}: pid ${process.pid}, parent ${parentProcess().pid}`);
    },
  });
  joinAll(processes);
  console.log(processes[0]);
}

function isolation() {
  title('Memory: a child has a copy, and what it changes stays there');
  let counter = 1;
  const child = new Process({
    target() {
      counter += 41;
      console.log(`in the child, counter is ${counter}`);
    },
  });
  child.start();
  child.join();
  console.log(`in the parent, counter is ${counter}`);
}

function countPrimes(below) {
  let count = 0;
  for (let n = 2; n < below; n++) {
    let prime = true;
    for (let d = 2; d * d <= n && prime; d++) prime = n % d !== 0;
    if (prime) count++;
  }
  return count;
}

function seconds(action) {
  const begin = performance.now();
  action();
  return (performance.now() - begin) / 1000;
}

function parallel() {
  title('Time: the same work, one after the other and in parallel');
  const tasks = Math.min(cpuCount(), 4);
  const work = () => countPrimes(1_500_000);
  const serial = seconds(() => {
    for (let i = 0; i < tasks; i++) work();
  });
  const together = seconds(() => joinAll(startAll(tasks, { target: work })));
  console.log(`${tasks} tasks in one process:    ${serial.toFixed(2)} s`);
  console.log(`${tasks} tasks in ${tasks} processes:     ${together.toFixed(2)} s`);
  console.log(`${(serial / together).toFixed(2)} times as fast on ${cpuCount()} CPUs`);
}

function exitCodes() {
  title('Exit codes: how a child ended');
  const endings = {
    returns: () => {},
    'calls process.exit(3)': () => process.exit(3),
    throws: () => {
      throw new Error('this error belongs to the tour');
    },
    'gets SIGKILL': () => posix.kill(posix.getpid(), 'SIGKILL'),
  };
  for (const [what, target] of Object.entries(endings)) {
    const child = new Process({ target });
    child.start();
    child.join();
    console.log(`a child that ${what}: exit code ${child.exitcode}`);
  }
}

function terminate() {
  title('terminate(): even a child that never looks up');
  const child = new Process({
    target() {
      for (;;);
    },
  });
  child.start();
  console.log(`isAlive() is ${child.isAlive()}`);
  child.terminate();
  child.join();
  console.log(`isAlive() is ${child.isAlive()}, exit code ${child.exitcode}: signal 15, SIGTERM`);
}

async function asynchronous() {
  title('Async: a child has an event loop of its own');
  const child = new Process({
    async target() {
      await new Promise((resolve) => setTimeout(resolve, 100));
      console.log('the child has slept for 0.1 s');
    },
  });
  child.start();
  const ticks = setInterval(() => console.log('meanwhile, a tick in the parent'), 40);
  await child.joinAsync();
  clearInterval(ticks);
}

function stateInProc(pid) {
  if (process.platform === 'linux') {
    return readFileSync(`/proc/${pid}/status`, 'utf8').match(/^State:\s*(.*)$/m)[1];
  }
  return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).trim();
}

function zombie() {
  title('A zombie: a child that has ended, until its parent reaps it');
  const pid = posix.fork();
  if (pid === 0) posix.exit(7);
  while (!stateInProc(pid).startsWith('Z'));
  console.log(`child ${pid} has ended; the kernel says: ${stateInProc(pid)}`);
  const [, status] = posix.waitpid(pid);
  console.log(`waitpid() reaps it: exit code ${posix.WEXITSTATUS(status)}`);
}

function daemon() {
  title('A daemon: it ends when the program ends');
  const child = new Process({
    name: 'daemon',
    daemon: true,
    target: () => new Promise(() => {}),
  });
  child.start();
  process.on('exit', () => console.log(`the tour is over; ${child}`));
  console.log(child);
}

async function main() {
  children();
  isolation();
  parallel();
  exitCodes();
  terminate();
  await asynchronous();
  zombie();
  daemon();
}

main();

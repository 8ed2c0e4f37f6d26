'use strict';

// The parent listens for signals. Its children get them while they block, or listen themselves.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');
const { log, waitUntil } = require('./pending');

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGALRM'];
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-'));

let counter = 0;

/** Starts a child, sends it the signal when it has called `ready`, and logs its exit code. */
function signalTo(target, signal) {
  const file = path.join(directory, String(counter++));
  const child = new Process({ target, args: [() => fs.writeFileSync(file, ''), signal] });
  child.start();
  waitUntil(() => fs.existsSync(file));
  process.kill(child.pid, signal);
  child.join(10);
  log(`${target.name} ${signal} ${child.exitcode}`);
  child.kill();
}

function blocks(ready) {
  ready();
  for (;;);
}

async function listens(ready, signal) {
  const heard = new Promise((resolve) => process.once(signal, resolve));
  ready();
  log(`heard ${await heard}`);
  process.exitCode = 7;
}

async function main() {
  for (const signal of signals) process.on(signal, () => log(`parent's listener: ${signal}`));
  for (const signal of signals) signalTo(blocks, signal);
  for (const signal of signals) signalTo(listens, signal);
  for (const signal of signals) process.kill(process.pid, signal);
  // Signals are listened to without keeping the event loop alive.
  await sleep(50);
  fs.rmSync(directory, { recursive: true });
}

void main();

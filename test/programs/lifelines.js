'use strict';

/**
 * How processes know of each other's end. Prints what was seen, as JSON. To be run with and
 * without MULTIPROC_NO_PIDFD.
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parentProcess, posix, Process } = require('multiproc');
// What the package has for waiting on a descriptor.
const native = require('../../dist/native').posix;

const patience = 10;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-'));
const seen = {};

const forever = () => new Promise(() => {});
const inDirectory = (name) => path.join(directory, name);
const readable = (fd, seconds) => native.poll(Int32Array.of(fd, native.POLLIN), seconds) === 1;
const descriptors = () => fs.readdirSync('/proc/self/fd').length;

function started(target, options) {
  const child = new Process({ target, ...options });
  child.start();
  return child;
}

async function fileExists(name) {
  while (!fs.existsSync(inDirectory(name))) await new Promise((resolve) => setTimeout(resolve, 5));
}

function runs(pid) {
  try {
    posix.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function joinWithTimeout() {
  const child = started(forever);
  child.join(0);
  child.join(0.01);
  const during = child.exitcode;
  child.kill();
  child.join(patience);
  seen.joinWithTimeout = [during, child.exitcode];
}

async function joinAsync() {
  const child = started(forever);
  await child.joinAsync(0.01);
  const during = child.exitcode;
  setTimeout(() => child.kill(), 10);
  await Promise.all([child.joinAsync(), child.joinAsync(patience)]);
  seen.joinAsync = [during, child.exitcode];
}

function sentinel() {
  const child = started(forever);
  const during = [Number.isInteger(child.sentinel), readable(child.sentinel, 0)];
  child.kill();
  seen.sentinel = [...during, readable(child.sentinel, patience), readable(child.sentinel, 0)];
  child.join();
}

/** C006: the middle process is ended by SIGTERM; its child waits for just that. */
async function parentOfGrandchild() {
  const grandchild = () => {
    const parent = parentProcess();
    parent.join(0.01);
    fs.writeFileSync(inDirectory('ready'), '');
    const before = parent.isAlive();
    parent.join(patience);
    fs.writeFileSync(inDirectory('report.new'), JSON.stringify([before, parent.isAlive()]));
    fs.renameSync(inDirectory('report.new'), inDirectory('report'));
  };
  const middle = started(() => {
    started(grandchild);
    return forever();
  });
  await fileExists('ready');
  middle.terminate();
  middle.join();
  await fileExists('report');
  seen.parentOfGrandchild = JSON.parse(fs.readFileSync(inDirectory('report'), 'utf8'));
}

/** What its children inherit must not keep the end of a process secret. */
async function endDespiteGrandchild() {
  const middle = started(async () => {
    const grandchild = started(() => fileExists('go'));
    fs.writeFileSync(inDirectory('grandchild.new'), String(grandchild.pid));
    fs.renameSync(inDirectory('grandchild.new'), inDirectory('grandchild'));
    await forever();
  });
  await fileExists('grandchild');
  const grandchild = Number(fs.readFileSync(inDirectory('grandchild'), 'utf8'));
  middle.kill();
  middle.join(patience);
  seen.endDespiteGrandchild = [middle.exitcode, runs(grandchild)];
  fs.writeFileSync(inDirectory('go'), '');
}

/** Nor what a sibling inherits, in either direction. */
async function endDespiteSibling() {
  const middle = started(async () => {
    const first = started(() => {
      parentProcess().join(patience);
      fs.writeFileSync(inDirectory('first'), '');
    });
    started(() => fileExists('go2'));
    fs.writeFileSync(inDirectory('siblings'), '');
    return first.joinAsync();
  });
  await fileExists('siblings');
  middle.kill();
  middle.join(patience);
  await fileExists('first');
  seen.endDespiteSibling = middle.exitcode;
  fs.writeFileSync(inDirectory('go2'), '');
}

function descriptorsAreFreed() {
  const before = descriptors();
  for (let i = 0; i < 10; i++) {
    const child = started(() => {});
    child.join();
    child.close();
  }
  seen.descriptorsLeft = descriptors() - before;
}

async function main() {
  joinWithTimeout();
  await joinAsync();
  sentinel();
  await parentOfGrandchild();
  await endDespiteGrandchild();
  await endDespiteSibling();
  descriptorsAreFreed();
  fs.rmSync(directory, { recursive: true });
  console.log(JSON.stringify(seen));
}

void main();

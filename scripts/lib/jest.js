'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { inRoot, root } = require('./paths');
const { format, killGroup, members } = require('./process-group');

// A forked process that hangs can hang Jest itself, so Jest's own timeouts are not enough.
const seconds = {
  total: Number(process.env.MULTIPROC_TEST_SECONDS || 540),
  silence: Number(process.env.MULTIPROC_TEST_SILENCE || 120),
  exit: 15,
};

/**
 * Runs Jest in a process group of its own and under a watchdog.
 * Resolves with { ok, passed, failed, skipped }.
 */
async function runJest(args, { node = process.execPath, env = {} } = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-test-'));
  process.once('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
  const progress = path.join(directory, 'progress.json');
  const counts = { passed: 0, failed: 0, skipped: 0 };
  fs.writeFileSync(progress, JSON.stringify({ running: [], counts, ended: false }));
  const jest = startJest(args, node, { ...process.env, ...env, MULTIPROC_PROGRESS: progress });
  const status = await ending(jest, progress);
  const clean = await nothingLeftBehind(jest.pid);
  return result(readProgress(progress), status === 0 && clean);
}

/** What broke off, or broke outside of any test, counts as a failed test. */
function result({ running, counts }, ok) {
  const failed = counts.failed + running.length;
  return { ...counts, ok, failed: ok ? failed : Math.max(failed, 1) };
}

function startJest(args, node, env) {
  const program = inRoot('node_modules', 'jest', 'bin', 'jest.js');
  const reporter = inRoot('scripts', 'lib', 'progress-reporter.js');
  // Jest takes the words after --reporters=... for more reporters: they come last.
  const command = [program, ...args, '--reporters=default', `--reporters=${reporter}`];
  const stdio = ['ignore', 'inherit', 'inherit'];
  return spawn(node, command, { cwd: root, env, stdio, detached: true });
}

/** Jest's exit status, null when the watchdog killed it. */
async function ending(jest, progress) {
  const watchdog = watch(jest, progress);
  const release = passSignalsOn(jest);
  try {
    return await new Promise((resolve, reject) => {
      jest.once('error', reject);
      jest.once('close', resolve);
    });
  } finally {
    clearInterval(watchdog);
    release();
  }
}

/** Jest is not in the terminal's process group, so it does not get Ctrl-C by itself. */
function passSignalsOn(jest) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const abandon = () => {
    killGroup(jest.pid);
    process.exit(130);
  };
  for (const signal of signals) process.on(signal, abandon);
  return () => signals.forEach((signal) => process.off(signal, abandon));
}

/** Kills Jest, with a report, when it is overdue. */
function watch(jest, progress) {
  const started = Date.now();
  const watchdog = setInterval(() => {
    const reason = overdue(started, progress);
    if (!reason) return;
    clearInterval(watchdog);
    reportHang(reason, jest.pid, progress);
    killGroup(jest.pid);
  }, 500);
  return watchdog;
}

function overdue(started, progress) {
  const secondsSince = (time) => (Date.now() - time) / 1000;
  if (secondsSince(started) > seconds.total) return `not finished after ${seconds.total} s`;
  const silence = secondsSince(fs.statSync(progress).mtimeMs);
  if (silence > seconds.silence) return `no test began or ended for ${seconds.silence} s`;
  const { ended } = readProgress(progress);
  return ended && silence > seconds.exit ? 'all have ended, but Jest does not exit' : undefined;
}

function reportHang(reason, group, progress) {
  const tests = readProgress(progress).running.map(({ file, test }) => `  ${file}: ${test}`);
  console.error(`\nThe tests hang: ${reason}. Running:\n${tests.join('\n') || '  nothing'}`);
  console.error(`Processes:\n${format(members(group))}`);
}

/** A process that outlives the tests is a failure of theirs. */
async function nothingLeftBehind(group) {
  // Daemonic processes need a moment to see that their parent is gone.
  for (let tries = 0; tries < 20 && members(group).length > 0; tries++) await sleep(50);
  const left = members(group);
  if (left.length === 0) return true;
  console.error(`\nProcesses left behind by the tests:\n${format(left)}`);
  killGroup(group);
  return false;
}

function readProgress(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

/** The line that ends a run. */
function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}

module.exports = { runJest, summary };

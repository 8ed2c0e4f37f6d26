'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** A Jest reporter that tells the watchdog (lib/jest.js) by a file what runs, and how it ended. */
class ProgressReporter {
  running = new Map();
  counts = { passed: 0, failed: 0, skipped: 0 };
  ended = false;

  onTestFileStart({ path: file }) {
    this.running.set(file, '');
    this.write();
  }

  onTestCaseStart({ path: file }, { fullName }) {
    this.running.set(file, fullName);
    this.write();
  }

  onTestCaseResult({ path: file }) {
    this.running.set(file, '');
    this.write();
  }

  onTestFileResult({ path: file }, result) {
    this.running.delete(file);
    this.counts.passed += result.numPassingTests;
    // A file that cannot even be loaded has no tests that could fail.
    this.counts.failed += result.testExecError ? 1 : result.numFailingTests;
    this.counts.skipped += result.numPendingTests + result.numTodoTests;
    this.write();
  }

  onRunComplete() {
    this.ended = true;
    this.write();
  }

  write() {
    const running = Array.from(this.running, ([file, test]) => ({
      file: path.relative(process.cwd(), file),
      test,
    }));
    const progress = { running, counts: this.counts, ended: this.ended };
    const file = process.env.MULTIPROC_PROGRESS;
    // By rename, for the watchdog reads at any moment.
    fs.writeFileSync(`${file}.new`, JSON.stringify(progress));
    fs.renameSync(`${file}.new`, file);
  }
}

module.exports = ProgressReporter;

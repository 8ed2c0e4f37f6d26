'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** A Jest reporter that tells the watchdog (lib/jest.js) by a file what runs, and how it ended. */
class ProgressReporter {
  running = new Map();
  totals = null;

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

  onTestFileResult({ path: file }) {
    this.running.delete(file);
    this.write();
  }

  onRunComplete(contexts, results) {
    this.totals = {
      passed: results.numPassedTests,
      // A file that cannot even be loaded has no tests that could fail.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    this.write();
  }

  write() {
    const running = Array.from(this.running, ([file, test]) => ({
      file: path.relative(process.cwd(), file),
      test,
    }));
    fs.writeFileSync(process.env.MULTIPROC_PROGRESS, JSON.stringify({ running, totals: this.totals }));
  }
}

module.exports = ProgressReporter;

'use strict';

const fs = require('node:fs');
const { prepareAddon } = require('./addon');
const { inRoot } = require('./paths');
const { run, say } = require('./run');
const { fingerprint, isFresh, markFresh } = require('./stamp');
const { requireNode, requireNpm } = require('./tools');

/** Installs, builds and compiles what is missing or out of date; silent when nothing is. */
function prepare() {
  requireNode();
  prepareModules();
  prepareAddon();
  prepareTypeScript();
}

function prepareModules() {
  const print = fingerprint(['package-lock.json']);
  if (isFresh('modules', print, [])) return;
  requireNpm();
  say('installing the dependencies (npm ci)');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  markFresh('modules', print);
}

function prepareTypeScript() {
  const print = fingerprint(['src-ts', 'tsconfig.json']);
  if (isFresh('typescript', print, [inRoot('dist', 'index.js')])) return;
  say('compiling TypeScript to dist/');
  // Modules that were renamed or removed must not live on.
  fs.rmSync(inRoot('dist'), { recursive: true, force: true });
  run(process.execPath, [inRoot('node_modules', 'typescript', 'bin', 'tsc')]);
  markFresh('typescript', print);
}

module.exports = { prepare };

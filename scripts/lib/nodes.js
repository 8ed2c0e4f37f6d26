'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { inRoot } = require('./paths');
const { run, say } = require('./run');
const { requireNpm } = require('./tools');

const supported = ['20', '22', '24', '26'];

/** The node binary of a major version: the running one, else from an npm package that holds it. */
function nodeOf(major) {
  if (process.versions.node.split('.')[0] === major) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = inRoot('.node-versions', major);
  const binary = path.join(prefix, 'node_modules', name, 'bin', 'node');
  if (!fs.existsSync(binary)) fetchNode(prefix, `${name}@${major}`);
  return binary;
}

function fetchNode(prefix, specifier) {
  requireNpm();
  say(`installing ${specifier} into .node-versions/`);
  fs.mkdirSync(prefix, { recursive: true });
  const quiet = ['--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
  run('npm', ['install', '--prefix', prefix, ...quiet, specifier]);
}

module.exports = { nodeOf, supported };

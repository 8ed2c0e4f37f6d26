'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { inRoot } = require('./paths');

// Inside node_modules: whatever was built with other dependencies is built again.
const directory = inRoot('node_modules', '.cache', 'multiproc');

/** All files below a file or directory of the repository, in a fixed order. */
function filesBelow(name) {
  const entry = inRoot(name);
  if (!fs.existsSync(entry)) return [];
  if (fs.statSync(entry).isFile()) return [name];
  return fs
    .readdirSync(entry)
    .sort()
    .flatMap((child) => filesBelow(path.join(name, child)));
}

/** A hash over the contents of files and directories, and over further strings. */
function fingerprint(inputs, strings = []) {
  const hash = crypto.createHash('sha256').update(JSON.stringify(strings));
  for (const file of inputs.flatMap(filesBelow)) {
    hash.update(`\0${file}\0`).update(fs.readFileSync(inRoot(file)));
  }
  return hash.digest('hex');
}

/** Whether a step has nothing to do: same inputs as last time, and its outputs are there. */
function isFresh(step, print, outputs) {
  const stamp = path.join(directory, step);
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== print) return false;
  return outputs.every((output) => fs.existsSync(output));
}

function markFresh(step, print) {
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, step), print);
}

module.exports = { fingerprint, isFresh, markFresh };

'use strict';

const path = require('node:path');

const root = path.resolve(__dirname, '..', '..');

/** The absolute path of something in the repository. */
function inRoot(...parts) {
  return path.join(root, ...parts);
}

module.exports = {
  root,
  inRoot,
  binaries: inRoot('prebuilds', `${process.platform}-${process.arch}`),
  posixBinary: 'posix.node',
  forkBinary: `fork-${process.versions.modules}.node`,
  trackerBinary: 'tracker',
};

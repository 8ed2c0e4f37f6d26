'use strict';

const fs = require('node:fs');
const { inRoot } = require('./paths');

/** Without the built package every test would fail with the same obscure message. */
module.exports = function checkThatPackageIsBuilt() {
  if (fs.existsSync(inRoot('dist', 'index.js'))) return;
  throw new Error(
    'dist/index.js is missing: run `npm run build` first, or the tests by `npm test`',
  );
};

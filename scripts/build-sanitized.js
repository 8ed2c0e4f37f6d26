// Builds the addon with sanitizers into build-asan/binaries.
'use strict';

const { prepare } = require('./lib/prepare');
const { main } = require('./lib/run');
const { buildSanitized } = require('./lib/sanitized');

main(() => {
  prepare();
  buildSanitized();
});

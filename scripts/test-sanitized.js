// Builds the addon with sanitizers and runs the tests with it; arguments go to Jest.
'use strict';

const { runJest, summary } = require('./lib/jest');
const { prepare } = require('./lib/prepare');
const { main } = require('./lib/run');
const { buildSanitized, sanitizedEnvironment } = require('./lib/sanitized');

main(async () => {
  prepare();
  buildSanitized();
  const patience = '--testTimeout=120000';
  const result = await runJest([patience, ...process.argv.slice(2)], {
    env: sanitizedEnvironment(),
  });
  console.log(summary(result));
  process.exitCode = result.ok ? 0 : 1;
});

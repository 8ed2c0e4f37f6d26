// Prepares the clone and runs the tests; arguments go to Jest. The last line counts the tests.
'use strict';

const { runJest, summary } = require('./lib/jest');
const { prepare } = require('./lib/prepare');
const { main } = require('./lib/run');

main(async () => {
  prepare();
  const result = await runJest(process.argv.slice(2));
  console.log(summary(result));
  process.exitCode = result.ok ? 0 : 1;
});

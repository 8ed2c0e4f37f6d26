// Runs the tests on several Node versions: test-versions.js [major...] [-- jest arguments]
'use strict';

const { spawnSync } = require('node:child_process');
const { runJest, summary } = require('./lib/jest');
const { nodeOf, supported } = require('./lib/nodes');
const { inRoot } = require('./lib/paths');
const { prepare } = require('./lib/prepare');
const { main, say } = require('./lib/run');

/** Splits the command line at '--'. */
function parseArguments(args) {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const majors = args.slice(0, end);
  return { majors: majors.length > 0 ? majors : supported, jestArguments: args.slice(end + 1) };
}

async function testOn(major, jestArguments) {
  const node = nodeOf(major);
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  say(`testing on Node ${version}`);
  const built = spawnSync(node, [inRoot('scripts', 'prepare.js')], { stdio: 'inherit' });
  if (built.status !== 0) return { version, ok: false, outcome: 'not built' };
  const result = await runJest(jestArguments, { node });
  return { version, ok: result.ok, outcome: summary(result) };
}

function printTable(rows) {
  console.log('\nNode        result');
  for (const { version, ok, outcome } of rows) {
    console.log(`${version.padEnd(12)}${ok ? 'ok    ' : 'FAILED'}  ${outcome}`);
  }
}

main(async () => {
  prepare();
  const { majors, jestArguments } = parseArguments(process.argv.slice(2));
  const rows = [];
  for (const major of majors) rows.push(await testOn(major, jestArguments));
  printTable(rows);
  process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
});

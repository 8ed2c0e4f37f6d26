// npm run bench [name ...]: each benchmark by itself, all peers of one in the same run.
'use strict';

const { cpus, release } = require('node:os');

const benchmarks = {
  start: './start',
  cpu: './cpu',
  memory: './memory',
  lock: './lock',
  contended: './contended',
  roundtrip: './roundtrip',
  bandwidth: './bandwidth',
  queue: './queue',
  pool: './pool',
  'shared-memory': './shared-memory',
};

async function main() {
  const wanted = process.argv.slice(2);
  const unknown = wanted.find((name) => !(name in benchmarks));
  if (unknown) throw new Error(`no benchmark ${unknown}: ${Object.keys(benchmarks).join(', ')}`);
  const model = cpus()[0].model.trim();
  console.log(
    `Node ${process.version}, ${process.platform} ${release()}, ${cpus().length} x ${model}`,
  );
  for (const name of wanted.length > 0 ? wanted : Object.keys(benchmarks)) {
    console.log(`\n== ${name}`);
    await require(benchmarks[name]).run();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

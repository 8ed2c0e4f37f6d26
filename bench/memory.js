// What an idle child costs: its private memory, which it shares with nobody.
//
//   node bench/memory.js [--json]
'use strict';

const fs = require('node:fs');
const { Process } = require('multiproc');
const { jsonOf, median, table } = require('./lib');

/** Kilobytes: Private_Clean and Private_Dirty of /proc/PID/smaps_rollup. */
function privateKilobytes(pid) {
  const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const lines = rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm);
  return [...lines].reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0);
}

/** A process that has nothing to do sleeps: the kernel counts its voluntary switches no further. */
async function idle(pid) {
  const isAsleep = () => / S /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const switches = () => /^voluntary.*$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[0];
  for (let before; before !== switches() || !isAsleep();) {
    before = switches();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Starts idle children and measures each when all run.
 * @returns {Promise<number[]>} megabytes of private memory, one number for each child
 */
async function measureMemory(count = 50) {
  const target = () => new Promise(() => {});
  const children = Array.from({ length: count }, () => new Process({ target, daemon: true }));
  try {
    for (const child of children) child.start();
    await Promise.all(children.map(({ pid }) => idle(pid)));
    return children.map(({ pid }) => privateKilobytes(pid) / 1024);
  } finally {
    for (const child of children) {
      if (child.pid === null) continue;
      child.kill();
      child.join();
    }
  }
}

/** In a fresh process, whatever this one has done before. */
function run() {
  const sizes = jsonOf(process.execPath, [__filename, '--json']);
  if (sizes === null) throw new Error('no measurement: is there a /proc/PID/smaps_rollup?');
  const numbers = [median(sizes), Math.min(...sizes), Math.max(...sizes)];
  table([
    [`private memory of ${sizes.length} idle children, MB each`, 'median', 'least', 'most'],
    ['multiproc Process', ...numbers.map((size) => size.toFixed(1))],
  ]);
}

module.exports = { measureMemory, run };

if (require.main === module) {
  if (process.argv.includes('--json')) {
    void measureMemory().then((sizes) => console.log(JSON.stringify(sizes)));
  } else {
    run();
  }
}

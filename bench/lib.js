// What the benchmarks share: medians, tables, peers in other languages.
'use strict';

const { spawnSync } = require('node:child_process');
const { existsSync, mkdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Milliseconds that `action` takes, sync or async. */
async function time(action) {
  const begin = now();
  await action();
  return now() - begin;
}

/** Prints rows as a table with aligned columns; the first row is the head. */
function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]),
    );
    console.log(cells.join('   '));
  }
}

/** Compiles bench/peers/<name>.c when that is needed; null where there is no compiler. */
function compiled(name) {
  const source = join(__dirname, 'peers', `${name}.c`);
  const directory = join(__dirname, '..', 'build', 'bench');
  const binary = join(directory, name);
  const fresh = existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs;
  if (fresh) return binary;
  mkdirSync(directory, { recursive: true });
  const result = spawnSync('cc', ['-O2', source, '-o', binary, '-lpthread', '-lrt'], {
    stdio: 'inherit',
  });
  return result.status === 0 ? binary : null;
}

/** The last line of a program's output as JSON; null when the program is not to be had. */
function jsonOf(command, args) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (result.error || result.status !== 0) return null;
  return JSON.parse(result.stdout.trim().split('\n').at(-1));
}

module.exports = { compiled, jsonOf, median, now, table, time };

// What the benchmarks share: medians, tables, peers in other languages.
'use strict';

const { spawnSync } = require('node:child_process');
const { existsSync, mkdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const peers = join(__dirname, 'peers');

/** How often report() measures: the first time is to warm up. */
const RUNS = 4;
/** How often compare() runs each program. */
const ROUNDS = 3;

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
  const source = join(peers, `${name}.c`);
  const directory = join(__dirname, '..', 'build', 'bench');
  const binary = join(directory, name);
  const changed = (file) => statSync(file).mtimeMs;
  const newest = Math.max(changed(source), changed(join(peers, 'peer.h')));
  if (existsSync(binary) && changed(binary) > newest) return binary;
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

/** For bench/peers/*.js: prints what `measure` returns, once it is warm. */
function report(measure) {
  const samples = Array.from({ length: RUNS }, measure);
  console.log(JSON.stringify(samples.slice(1)));
}

/** The path of Python 3, which may be found by a slow script; null where there is none. */
function python() {
  const code = 'import json, sys; print(json.dumps(sys.executable))';
  return jsonOf('python3', ['-c', code]);
}

/** Whether programs can be run on one processor only. */
function canPin() {
  return spawnSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' }).status === 0;
}

/**
 * Runs bench/peers/<name>.js, .py and .c with the same arguments, in turns, and prints the medians
 * of what they print. A program without output has no such row.
 * @param {string} name
 * @param {string} title What is measured, and its unit.
 * @param {Array<[label: string, args: Array<string | number>, pinned?: boolean]>} rows `pinned`:
 * all processes of the program on the same processor.
 */
function compare(name, title, rows, { digits = 2 } = {}) {
  const programs = [
    [process.execPath, join(peers, `${name}.js`)],
    [python(), '-B', join(peers, `${name}.py`)],
    [compiled(name)],
  ];
  const samples = rows.map(() => programs.map(() => []));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [row, [label, args, pinned]] of rows.entries()) {
      for (const [peer, program] of programs.entries()) {
        if (program[0] === null) continue;
        const command = [...(pinned ? ['taskset', '-c', '0'] : []), ...program, ...args];
        const values = jsonOf(command[0], command.slice(1));
        if (values === null && peer === 0) throw new Error(`${label}: ${command.join(' ')} failed`);
        samples[row][peer].push(...(values ?? []));
      }
    }
  }
  const cell = (value) => (Number.isNaN(value) ? '-' : value.toFixed(digits));
  table([
    [title, 'multiproc', 'Python', 'C', 'ours/Python', 'ours/C'],
    ...rows.map(([label], row) => {
      const [own, python, c] = samples[row].map((of) => (of.length > 0 ? median(of) : NaN));
      return [label, own, python, c, own / python, own / c].map((value, i) =>
        i === 0 ? value : cell(value),
      );
    }),
  ]);
}

module.exports = {
  canPin,
  compare,
  compiled,
  jsonOf,
  median,
  now,
  python,
  report,
  RUNS,
  table,
  time,
};

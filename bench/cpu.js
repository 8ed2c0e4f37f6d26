// Full speed: CPU-bound work in the parent, in a child and in a grandchild, in one run.
'use strict';

const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { Process } = require('multiproc');

const { median, now, table } = require('./lib');

const work = {
  'integer loop': () => {
    let sum = 0;
    for (let i = 0; i < 3e8; i++) sum = (sum + (i ^ (i >> 3))) | 0;
    return sum;
  },
  'floating point': () => {
    let inside = 0;
    for (let y = -1; y < 1; y += 0.004) {
      for (let x = -2; x < 1; x += 0.004) {
        let [re, im, n] = [0, 0, 0];
        for (; n < 60 && re * re + im * im < 4; n++)
          [re, im] = [re * re - im * im + x, 2 * re * im + y];
        if (n === 60) inside++;
      }
    }
    return inside;
  },
  allocation: () => {
    let kept = [];
    for (let i = 0; i < 6e6; i++) {
      kept.push({ i, text: `item ${i}` });
      if (kept.length > 20000) kept = [];
    }
    return kept.length;
  },
  recursion: () => {
    const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
    return fib(36);
  },
};

/** Milliseconds of each piece of work, warmed up where it is measured. */
function measure() {
  return Object.values(work).map((action) => {
    action();
    const times = [0, 1, 2].map(() => {
      const begin = now();
      action();
      return now() - begin;
    });
    return Math.min(...times);
  });
}

function measureInChild(file, generation) {
  const child = new Process({
    target() {
      if (generation > 1) measureInChild(file, generation - 1);
      else writeFileSync(file, JSON.stringify(measure()));
    },
  });
  child.start();
  child.join();
  if (child.exitcode !== 0) throw new Error(`${child}`);
}

function run() {
  const directory = mkdtempSync(join(tmpdir(), 'multiproc-bench-'));
  const file = join(directory, 'result.json');
  const generations = [0, 1, 2];
  const rounds = generations.map(() => []);
  for (let round = 0; round < 3; round++) {
    for (const generation of generations) {
      if (generation === 0) rounds[0].push(measure());
      else {
        measureInChild(file, generation);
        rounds[generation].push(JSON.parse(readFileSync(file, 'utf8')));
      }
    }
  }
  rmSync(directory, { recursive: true });
  const medians = rounds.map((of) => Object.keys(work).map((_, i) => median(of.map((r) => r[i]))));
  table([
    ['CPU-bound work', 'parent ms', 'child ms', 'ratio', 'grandchild ms', 'ratio'],
    ...Object.keys(work).map((name, i) => {
      const [parent, child, grandchild] = medians.map((of) => of[i]);
      const cells = [parent, child, child / parent, grandchild, grandchild / parent];
      return [name, ...cells.map((value, k) => value.toFixed(k === 2 || k === 4 ? 2 : 0))];
    }),
  ]);
}

module.exports = { run };

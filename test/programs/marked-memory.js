'use strict';
// V8 marks its memory as not to be copied by a fork ("dc" in VmFlags), which makes spawning programs
// cheap. Compares what is marked before and after forks.

const fs = require('node:fs');
const { Process } = require('multiproc');

/** The mappings of this process: start, end, and whether they are marked. */
function mappings() {
  const found = [];
  for (const line of fs.readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range) found.push({ start: parseInt(range[1], 16), end: parseInt(range[2], 16) });
    else if (line.startsWith('VmFlags:')) found.at(-1).marked = / dc\b/.test(line);
  }
  return found;
}

function overlap(a, b) {
  return Math.max(0, Math.min(a.end, b.end) - Math.max(a.start, b.start));
}

/** Bytes in both lists of mappings. */
function common(some, others) {
  let bytes = 0;
  for (const a of some) for (const b of others) bytes += overlap(a, b);
  return bytes;
}

function marked(all) {
  return all.filter((mapping) => mapping.marked);
}

/** Memory that V8 gave back in between is in neither; what it got since then is not asked for. */
function compare(before, after) {
  return {
    marked: common(marked(before), marked(before)),
    stillMapped: common(marked(before), after),
    stillMarked: common(marked(before), marked(after)),
  };
}

// Enough for many mappings of different sizes.
globalThis.data = Array.from({ length: 300_000 }, (_, i) => ({ i, text: `${i}` }));
const before = mappings();

let inChild = () => {};
for (let round = 0; round < 3; round++) {
  const child = new Process({ target: () => inChild() });
  child.start();
  child.join();
  console.log(JSON.stringify(compare(before, mappings())));
  // The last child has a child of its own: the marks of a second generation.
  if (round === 1) inChild = secondGeneration;
}

/** A child begins with no marks of the parent's; V8 marks what it maps from then on. */
function secondGeneration() {
  const more = Array.from({ length: 300_000 }, (_, i) => ({ i, text: `${i}` }));
  const earlier = mappings();
  const grandchild = new Process({ target: () => more.length });
  grandchild.start();
  grandchild.join();
  console.log(JSON.stringify({ ...compare(earlier, mappings()), generation: 2 }));
}

'use strict';

/** Forks while the parent's stream still holds most of what the parent has written. */

const { Process } = require('multiproc');

const parents = 4 << 20;
process.stdout.write('p'.repeat(parents));
const unsettled = process.stdout.writableLength;
const child = new Process({
  target() {
    process.stdout.write('c'.repeat(1 << 20));
    process.exit();
  },
});
child.start();
child.join();
process.stdout.write('P');
process.stderr.write(JSON.stringify({ unsettled: unsettled > 0, exitcode: child.exitcode }));

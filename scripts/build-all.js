// Builds the binaries for all supported Node versions into prebuilds/, as the package ships them.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { nodeOf, supported } = require('./lib/nodes');
const { binaries, inRoot } = require('./lib/paths');
const { prepare } = require('./lib/prepare');
const { main, run } = require('./lib/run');

main(() => {
  prepare();
  for (const major of supported) run(nodeOf(major), [inRoot('scripts', 'prepare.js')]);
  for (const name of fs.readdirSync(binaries)) {
    const { size } = fs.statSync(path.join(binaries, name));
    console.log(`${path.join(binaries, name)}  ${Math.round(size / 1024)} KB`);
  }
});

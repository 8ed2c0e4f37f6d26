'use strict';
// Uses all features in a child, in a grandchild and in a great-grandchild. Prints one line of JSON
// for each generation. The argument says what the parent is like: fresh, used, busy or debugged.

const fs = require('node:fs');
const { Process } = require('multiproc');
const { runFeatures } = require('./lib/features');

const generations = 3;

function report(line) {
  fs.writeSync(1, JSON.stringify(line) + '\n');
}

async function generation(number) {
  report({ generation: number, results: await runFeatures() });
  if (number < generations) await inChild(number + 1);
}

async function inChild(number) {
  const child = new Process({ target: generation, args: [number] });
  child.start();
  await child.joinAsync();
  if (child.exitcode !== 0) report({ generation: number, exitcode: child.exitcode });
}

const parents = {
  async fresh() {
    await inChild(1);
  },

  async used() {
    await generation(0);
  },

  async busy() {
    const { startWork } = require('./lib/busy');
    const work = await startWork();
    await inChild(1);
    report({ parent: await work.finish() });
  },

  async debugged() {
    const inspector = require('node:inspector');
    const session = new inspector.Session();
    session.connect();
    for (const domain of ['Debugger', 'Runtime', 'Profiler', 'HeapProfiler']) {
      session.post(`${domain}.enable`);
    }
    session.post('Debugger.setAsyncCallStackDepth', { maxDepth: 8 });
    let pauses = 0;
    session.on('Debugger.paused', () => (pauses += 1));
    // eslint-disable-next-line no-debugger
    debugger;
    await inChild(1);
    report({ parent: pauses === 1 ? 'ok' : `${pauses} pauses` });
  },
};

void parents[process.argv[2]]();

'use strict';

/** A parent that is killed: its daemonic children die with it, the others go on. */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parentProcess, Process } = require('multiproc');

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-'));
const ready = path.join(directory, 'ready');
const say = (line) => fs.writeSync(1, `${line}\n`);

const targets = {
  idle: () => new Promise(() => {}),
  busy() {
    for (;;);
  },
};

for (const target of Object.values(targets)) {
  const daemon = new Process({ target, daemon: true });
  daemon.start();
  say(`daemon ${daemon.pid}`);
}

const worker = new Process({
  async target() {
    const parent = parentProcess();
    say(`worker: parent alive ${parent.isAlive()}`);
    fs.writeFileSync(ready, '');
    parent.join();
    say(`worker: parent alive ${parent.isAlive()}`);
    fs.rmSync(directory, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    say('worker goes on');
  },
});
worker.start();
while (!fs.existsSync(ready)) worker.join(0.005);
process.kill(process.pid, process.argv[2]);

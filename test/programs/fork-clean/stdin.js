'use strict';

// Launches itself with text for its standard input; the child reads its own.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');

const { Process } = require('multiproc');
const { log } = require('./pending');

async function readAll() {
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  return text;
}

async function inChild() {
  log(`child's fd: '${fs.readFileSync(0, 'utf8')}'`);
  log(`child's stream: '${await readAll()}'`);
}

async function forkAndRead(moment) {
  const reading = moment === 'reading' ? readAll() : undefined;
  const child = new Process({ target: inChild });
  child.start();
  child.join(10);
  log(`exitcode ${child.exitcode}`);
  log(`parent's stream: '${await (reading ?? readAll())}'`);
}

const moment = process.argv[2];
if (process.argv[3] === 'launched') {
  void forkAndRead(moment);
} else {
  const options = {
    input: 'for the parent',
    stdio: ['pipe', 'inherit', 'inherit'],
    timeout: 15000,
  };
  process.exitCode = spawnSync(process.execPath, [__filename, moment, 'launched'], options).status;
}

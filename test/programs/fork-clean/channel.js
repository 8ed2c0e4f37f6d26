'use strict';

// Launches itself with an IPC channel. The launched program forks while a message is waiting.

const { fork } = require('node:child_process');
const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');
const { log } = require('./pending');

function launch() {
  const program = fork(__filename, ['launched']);
  program.send('one');
  program.on('message', (answer) => {
    log(`got ${answer}`);
    if (answer === 'answer to one') program.send('two');
    else program.disconnect();
  });
  program.on('exit', (code) => log(`launched program ended with ${code}`));
}

async function lookForChannel() {
  process.on('message', (text) => log(`child got ${text}`));
  process.on('disconnect', () => log('child was disconnected'));
  log(`child has ${typeof process.send}, ${process.connected}, ${typeof process.channel}`);
  await sleep(60);
}

function forkAndAnswer() {
  process.on('message', (text) => process.send(`answer to ${text}`));
  process.on('disconnect', () => log('disconnected'));
  const child = new Process({ target: lookForChannel });
  child.start();
  child.join(10);
  log(`exitcode ${child.exitcode}`);
}

if (process.argv[2] === 'launched') forkAndAnswer();
else launch();

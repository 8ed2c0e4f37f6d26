'use strict';

const { spawnSync } = require('node:child_process');
const { root } = require('./paths');

/** A failure whose message is all that the user needs: main() prints it without a stack. */
class Failure extends Error {}

function say(line) {
  console.log(`multiproc: ${line}`);
}

/** Runs a command silently; its output is shown only when it fails. */
function run(command, args, { env = process.env } = {}) {
  const options = { cwd: root, env, encoding: 'utf8', maxBuffer: 2 ** 28 };
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  const reason = error ? error.message : signal ? `killed by ${signal}` : `exit code ${status}`;
  throw new Failure(`${stdout || ''}${stderr || ''}\n${[command, ...args].join(' ')}: ${reason}`);
}

/** Runs a script's body: a Failure becomes its message and exit code 1. */
async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(error instanceof Failure ? error.message : error);
    process.exitCode = 1;
  }
}

module.exports = { Failure, main, run, say };

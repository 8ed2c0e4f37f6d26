'use strict';
// A debugger at the other end of a WebSocket, as an editor has it: this program is the debugger, and
// runs itself once more, with --inspect, as the debugged program. Needs --experimental-websocket.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { Process } = require('multiproc');

/** What the debugger sets a breakpoint on. */
function breakHere() {
  return 'passed'; // BREAKPOINT
}

function target() {
  // eslint-disable-next-line no-debugger
  debugger;
  fs.writeSync(1, `child ${breakHere()}\n`);
}

async function debugged() {
  // The debugger may have been here before this program's first line.
  while (!globalThis.attached) await sleep(20);
  const child = new Process({ target });
  child.start();
  await child.joinAsync(10);
  fs.writeSync(1, `exitcode ${child.exitcode}\n`);
  child.kill();
  child.join();
  fs.writeSync(1, `parent ${breakHere()}\n`);
}

function addressOf(program) {
  return new Promise((resolve) => {
    let text = '';
    program.stderr.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const address = /ws:\S+/.exec(text);
      if (address) resolve(address[0]);
    });
  });
}

function lineOf(word) {
  return fs
    .readFileSync(__filename, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(word));
}

/** Attaches, sets a breakpoint, and goes on whenever the program stops. Returns how often it did. */
async function attach(address) {
  const socket = new WebSocket(address);
  await once(socket, 'open');
  let last = 0;
  const answers = new Map();
  const stops = { count: 0 };
  const send = (method, params) => {
    socket.send(JSON.stringify({ id: (last += 1), method, params }));
    return new Promise((resolve) => answers.set(last, resolve));
  };
  socket.onmessage = ({ data }) => {
    const { id, method, result } = JSON.parse(data);
    answers.get(id)?.(result);
    if (method !== 'Debugger.paused') return;
    stops.count += 1;
    void send('Debugger.resume');
  };
  await send('Runtime.enable');
  await send('Debugger.enable');
  const lineNumber = lineOf('// BREAKPOINT');
  await send('Debugger.setBreakpointByUrl', { lineNumber, url: `file://${__filename}` });
  await send('Runtime.evaluate', { expression: 'globalThis.attached = true' });
  return { socket, stops };
}

async function debug() {
  const options = { stdio: ['ignore', 'pipe', 'pipe'] };
  const program = spawn(process.execPath, ['--inspect=0', __filename, 'debugged'], options);
  const { socket, stops } = await attach(await addressOf(program));
  program.stdout.setEncoding('utf8').on('data', (text) => {
    fs.writeSync(1, text);
    // The program waits at its end for the debugger to leave.
    if (text.includes('parent passed')) socket.close();
  });
  await once(program, 'close');
  console.log(`stops ${stops.count}`);
}

void (process.argv[2] === 'debugged' ? debugged() : debug());

'use strict';

// One of everything that a process can have pending. Each entry arranges for `ran` to be called
// once, later, by the event loop; each ends by itself, so that the program can end.

const childProcess = require('node:child_process');
const crypto = require('node:crypto');
const dns = require('node:dns');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { MessageChannel } = require('node:worker_threads');
const zlib = require('node:zlib');

const { posix } = require('multiproc');

const emptyWasmModule = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

const callbacks = {
  timeout: (ran) => void setTimeout(ran, 2),
  interval(ran) {
    const interval = setInterval(() => {
      clearInterval(interval);
      ran();
    }, 2);
  },
  timerPromise: (ran) => void sleep(2).then(ran),
  immediate: (ran) => void setImmediate(ran),
  tick: (ran) => process.nextTick(ran),
  microtask: (ran) => queueMicrotask(ran),
  promiseJob: (ran) => void Promise.resolve().then(ran),
  asyncFunction: async (ran) => {
    try {
      await null;
    } finally {
      ran();
    }
  },
  import: (ran) => void import('data:text/javascript,export default 1').then(ran),
  message(ran) {
    const { port1, port2 } = new MessageChannel();
    port2.on('message', () => {
      port2.close();
      ran();
    });
    port1.postMessage('for the parent');
  },
  wasm: (ran) => void WebAssembly.compile(emptyWasmModule).then(ran),
  fsCallback(ran, directory) {
    const file = path.join(directory, 'opened');
    fs.open(file, 'w', (error, fd) => fs.close(fd, ran));
    // Done by the thread pool, and not yet reported to the event loop.
    waitUntil(() => fs.existsSync(file));
  },
  fsPromise: (ran) => void fs.promises.readFile(__filename).then(ran),
  dns: (ran) => dns.lookup('localhost', ran),
  pbkdf2: (ran) => crypto.pbkdf2('password', 'salt', 1, 16, 'sha256', ran),
  digest: (ran) => void crypto.subtle.digest('SHA-256', new Uint8Array(1)).then(ran),
  zlib: (ran) => zlib.deflate('text', ran),
  connection(ran, directory) {
    const server = net.createServer((socket) => {
      socket.destroy();
      server.close();
      ran();
    });
    const file = path.join(directory, 'accepting');
    server.listen(file, () => {});
    net.connect(file).on('error', () => {});
  },
  close(ran, directory) {
    const server = net.createServer().listen(path.join(directory, 'closing'));
    server.close(ran);
  },
  watch(ran, directory) {
    const file = path.join(directory, 'watched');
    fs.writeFileSync(file, '');
    const watcher = fs.watch(file, () => {
      watcher.close();
      ran();
    });
    fs.writeFileSync(file, 'changed');
  },
  watchFile(ran, directory) {
    // Node reports a file that does not exist once.
    const file = path.join(directory, 'missing');
    fs.watchFile(file, { interval: 5 }, () => {
      fs.unwatchFile(file);
      ran();
    });
  },
  signal(ran) {
    process.once('SIGUSR2', ran);
    process.kill(posix.getpid(), 'SIGUSR2');
  },
  unhandledRejection(ran) {
    process.once('unhandledRejection', ran);
    void Promise.reject(new Error('for the parent'));
  },
  uncaughtException(ran) {
    process.once('uncaughtException', ran);
    setTimeout(() => {
      throw new Error('for the parent');
    }, 2);
  },
  uncaughtExceptionMonitor: (ran) => process.once('uncaughtExceptionMonitor', ran),
};

/** A program that has printed and ended, with nothing of it read and no one told. */
const endedProgram = {
  stdout: (ran, program) => program.stdout.once('data', ran),
  stderr: (ran, program) => program.stderr.once('data', ran),
  programExit: (ran, program) => program.once('exit', ran),
};

const listeners = {
  beforeExit: (ran) => process.once('beforeExit', ran),
  exit: (ran) => process.once('exit', ran),
};

/** Says who did what; the process id is the kernel's answer. */
function log(text) {
  fs.writeSync(1, `${posix.getpid()} ${text}\n`);
}

let armed;

/** Leaves everything pending, once in a process; resolves when all has run. */
function arm() {
  if (armed?.pid !== posix.getpid()) armed = { pid: posix.getpid(), all: armAll() };
  return armed.all;
}

function armAll() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-'));
  armEach(listeners);
  const program = armEach(endedProgram, printAndEnd());
  const rest = armEach(callbacks, directory);
  return Promise.all([program, rest]).then(() => fs.rmSync(directory, { recursive: true }));
}

function armEach(sources, argument) {
  const arrivals = Object.entries(sources).map(([name, source]) => {
    log(`armed ${name}`);
    return new Promise((resolve) => {
      source(() => {
        log(`ran ${name}`);
        resolve();
      }, argument);
    });
  });
  return Promise.all(arrivals);
}

function printAndEnd() {
  const program = childProcess.spawn('sh', ['-c', 'echo out; echo err >&2']);
  waitUntil(() => / Z /.test(fs.readFileSync(`/proc/${program.pid}/stat`, 'latin1')));
  return program;
}

/** Blocks, so that nothing pending can run meanwhile. */
function waitUntil(condition) {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`still not after 10 s: ${condition}`);
    Atomics.wait(pause, 0, 0, 1);
  }
}

module.exports = { arm, log, waitUntil };

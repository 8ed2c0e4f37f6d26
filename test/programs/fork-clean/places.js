'use strict';

// Forks from the place that the first argument names.

const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const { spawn } = require('node:child_process');
const vm = require('node:vm');
const { MessageChannel } = require('node:worker_threads');

const { Pipe, posix } = require('multiproc');
const { watch } = require('../../../dist/native').posix;
const { go, storage } = require('./go');
const { arm, log } = require('./pending');

// (module (import "m" "f" (func)) (export "g" (func 0)) with g calling the import.
const wasmThatCallsBack = new Uint8Array([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x6d, 1, 0x66, 0, 0, 3, 2, 1, 0,
  7, 5, 1, 1, 0x67, 0, 1, 10, 6, 1, 4, 0, 0x10, 0, 11,
]);

const places = {
  'the top level': () => go(),
  async 'an async function after await'() {
    log('armed async-finally');
    try {
      await null;
      go();
      await null;
    } catch {
      log('ran async-catch');
    } finally {
      log('ran async-finally');
    }
  },
  'a tick': () => process.nextTick(go),
  'a timeout': () => void setTimeout(go, 1),
  'an interval'() {
    const interval = setInterval(() => {
      go();
      clearInterval(interval);
    }, 1);
  },
  'an immediate': () => void setImmediate(go),
  'a callback of fs': () => fs.stat(__filename, go),
  async 'a continuation of fs.promises'() {
    await fs.promises.stat(__filename);
    go();
  },
  'an event listener': () => new EventEmitter().on('event', go).emit('event'),
  'a handler of HTTP requests'() {
    log('armed response');
    const server = http.createServer((request, response) => {
      go();
      response.end('hello');
      server.close();
    });
    server.listen(0, () => {
      http.get({ port: server.address().port, agent: false }, (response) => {
        response.on('data', (text) => log(text === 'hello' ? 'ran response' : `got ${text}`));
        response.setEncoding('utf8');
      });
    });
  },
  'a data event, with more events of the same poll to come'() {
    const program = spawn('sh', ['-c', 'echo out; echo err >&2; exec cat']);
    program.stdout.once('data', () => {
      go();
      program.stdin.end();
    });
    void arm();
  },
  'AsyncLocalStorage.run': () => storage.run('a store', go),
  'AsyncLocalStorage.run after await': () =>
    storage.run('a store', async () => {
      await fs.promises.stat(__filename);
      go();
    }),
  'a chain of promises'() {
    log('armed then');
    log('armed chain-finally');
    void Promise.resolve()
      .then(() => go())
      .then(() => log('ran then'))
      .catch(() => log('ran chain-catch'))
      .finally(() => log('ran chain-finally'));
  },
  'a microtask': () => queueMicrotask(go),
  'a finally block'() {
    log('armed caught');
    try {
      try {
        throw new Error('for the parent');
      } finally {
        go();
      }
    } catch {
      log('ran caught');
    }
  },
  'vm.runInContext': () => vm.runInContext('go()', vm.createContext({ go })),
  'a callback from C++': () => [2, 1].sort(() => (once(), 0)),
  'a callback from WebAssembly'() {
    const module = new WebAssembly.Module(wasmThatCallsBack);
    new WebAssembly.Instance(module, { m: { f: go } }).exports.g();
  },
  'a generator'() {
    log('armed generator-finally');
    const generator = (function* () {
      try {
        yield go();
      } finally {
        log('ran generator-finally');
      }
    })();
    for (const nothing of generator) if (nothing) break;
  },
  'a message event'() {
    const { port1, port2 } = new MessageChannel();
    port2.once('message', () => {
      go();
      port2.close();
    });
    port1.postMessage('');
  },
  async 'a continuation of recvAsync()'() {
    const [reader, writer] = Pipe(false);
    setTimeout(() => writer.send(1), 1);
    await reader.recvAsync();
    go();
  },
  'the callback of a watched descriptor'() {
    const [reader, writer] = posix.pipe();
    watch(reader, go, posix.POLLIN);
    posix.write(writer, 'x');
  },
  'a signal listener'() {
    process.once('SIGHUP', go);
    process.kill(posix.getpid(), 'SIGHUP');
    setTimeout(() => {}, 10);
  },
  'a listener of uncaught exceptions'() {
    process.once('uncaughtException', go);
    throw new Error('for the parent');
  },
  'a listener of unhandled rejections'() {
    process.once('unhandledRejection', go);
    void Promise.reject(new Error('for the parent'));
  },
};

let done = false;
function once() {
  if (!done) go();
  done = true;
}

places[process.argv[2]]();

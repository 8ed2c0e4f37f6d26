'use strict';
// A parent that is in the middle of everything when it forks.

const assert = require('node:assert');
const crypto = require('node:crypto');
const dns = require('node:dns');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const { Worker } = require('node:worker_threads');
const zlib = require('node:zlib');

/** Repeats asynchronous work, several at a time, until it is stopped. */
class Loop {
  #stopped = false;
  #rounds = 0;
  #done;

  constructor(width, work) {
    this.#done = Promise.all(Array.from({ length: width }, () => this.#run(work)));
  }

  async #run(work) {
    while (!this.#stopped) {
      await work();
      this.#rounds += 1;
    }
  }

  /** Resolves when it has stopped, after one more round at least. */
  async stop() {
    const before = this.#rounds;
    while (this.#rounds === before) await new Promise(setImmediate);
    this.#stopped = true;
    await this.#done;
  }
}

/** Starts it all; `finish` of the result sees to it that all of it has gone on, and ends it. */
async function startWork() {
  const held = [];
  const web = http.createServer((request, response) => {
    if (request.url === '/held') held.push(response);
    else setTimeout(() => response.end('quick'), 2);
  });
  await once(web.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${web.address().port}`;
  const echo = net.createServer((socket) => socket.pipe(socket));
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  const client = net.connect(echo.address().port, '127.0.0.1');

  const pending = [1, 2, 3].map(async () => (await fetch(`${url}/held`)).text());
  while (held.length < pending.length) await new Promise(setImmediate);
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const rounds = new Int32Array(new SharedArrayBuffer(4));
     parentPort.postMessage(rounds);
     for (;;) {
       Array.from({ length: 1000 }, (_, i) => ({ [i % 7]: Math.sqrt(i) + 'x' })).map(JSON.stringify);
       Atomics.add(rounds, 0, 1);
     }`,
    { eval: true },
  );
  const [rounds] = await once(worker, 'message');
  const intervals = [1, 3, 10].map((ms) => setInterval(() => Math.random(), ms));
  const loops = [
    new Loop(2, () => fs.promises.readFile(__filename)),
    new Loop(2, () => dns.promises.lookup('localhost')),
    new Loop(2, async () => {
      const text = await (await fetch(`${url}/quick`)).text();
      assert.strictEqual(text, 'quick');
    }),
    new Loop(1, () => new Promise((resolve) => crypto.pbkdf2('a', 'b', 2000, 32, 'sha1', resolve))),
    new Loop(1, () => new Promise((resolve) => zlib.gzip(Buffer.alloc(100_000), resolve))),
    new Loop(1, async () => {
      client.write('ping');
      assert.strictEqual(String((await once(client, 'data'))[0]), 'ping');
    }),
  ];

  async function finish() {
    await Promise.all(loops.map((loop) => loop.stop()));
    for (const response of held) response.end('held');
    assert.deepStrictEqual(await Promise.all(pending), ['held', 'held', 'held']);
    const before = Atomics.load(rounds, 0);
    while (Atomics.load(rounds, 0) === before) await new Promise(setImmediate);
    await worker.terminate();
    intervals.forEach(clearInterval);
    client.destroy();
    echo.close();
    web.closeAllConnections();
    web.close();
    return 'ok';
  }
  return { finish };
}

module.exports = { startWork };

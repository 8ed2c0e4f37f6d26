'use strict';
// What a Node program uses, each with a result that is checked. A feature fails by throwing.

const assert = require('node:assert');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const node = process.execPath;

/** A directory for the time of `use`. */
async function inDirectory(use) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-'));
  try {
    return await use(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** A server that listens on a free port, for the time of `use`. */
async function listening(server, use) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    return await use(server.address().port);
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

function callback(start) {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)));
  });
}

async function text(stream) {
  let all = '';
  for await (const chunk of stream.setEncoding('utf8')) all += chunk;
  return all;
}

/** Unsigned LEB128, the numbers of WebAssembly. */
function leb(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** A module of so many functions; the last, exported as `last`, adds `count` to its argument. */
function wasmModule(count) {
  const I32 = 0x7f;
  const section = (id, content) => [id, ...leb(content.length), ...content];
  const vector = (items) => [...leb(items.length), ...items.flat()];
  // local.get 0; call of the function before, if there is one; i32.const 1; i32.add; end
  const body = (call) => {
    const code = [0, 0x20, 0, ...call, 0x41, 1, 0x6a, 0x0b];
    return [...leb(code.length), ...code];
  };
  const bodies = Array.from({ length: count }, (_, i) =>
    body(i === 0 ? [] : [0x10, ...leb(i - 1)]),
  );
  const last = Buffer.from('last');
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, 1, I32, 1, I32]])),
    ...section(3, vector(Array(count).fill([0]))),
    ...section(7, vector([[last.length, ...last, 0, ...leb(count - 1)]])),
    ...section(10, vector(bodies)),
  ]);
}

const features = {
  async 'fs promises'() {
    await inDirectory(async (directory) => {
      const file = path.join(directory, 'file');
      await fs.promises.writeFile(file, 'x'.repeat(300_000));
      await fs.promises.appendFile(file, 'end');
      assert.strictEqual((await fs.promises.readFile(file, 'utf8')).slice(-4), 'xend');
      assert.strictEqual((await fs.promises.stat(file)).size, 300_003);
      assert.deepStrictEqual(await fs.promises.readdir(directory), ['file']);
    });
  },

  async 'fs callbacks'() {
    await inDirectory(async (directory) => {
      const file = path.join(directory, 'file');
      await callback((done) => fs.writeFile(file, 'text', done));
      assert.strictEqual(await callback((done) => fs.readFile(file, 'utf8', done)), 'text');
      await assert.rejects(
        callback((done) => fs.stat(file + '.none', done)),
        { code: 'ENOENT' },
      );
    });
  },

  async streams() {
    const { Transform } = require('node:stream');
    const { pipeline } = require('node:stream/promises');
    await inDirectory(async (directory) => {
      const [from, to] = [path.join(directory, 'from'), path.join(directory, 'to')];
      fs.writeFileSync(from, 'abc'.repeat(100_000));
      const upper = new Transform({
        transform: (chunk, _, done) => done(null, chunk.toString().toUpperCase()),
      });
      await pipeline(fs.createReadStream(from), upper, fs.createWriteStream(to));
      assert.strictEqual(fs.readFileSync(to, 'utf8'), 'ABC'.repeat(100_000));
    });
  },

  async 'web streams'() {
    const packed = new Blob(['web '.repeat(50_000)])
      .stream()
      .pipeThrough(new CompressionStream('gzip'));
    const unpacked = packed.pipeThrough(new DecompressionStream('gzip'));
    assert.strictEqual(await new Response(unpacked).text(), 'web '.repeat(50_000));
  },

  async 'dns.lookup'() {
    const dns = require('node:dns');
    const address = await callback((done) => dns.lookup('localhost', { family: 4 }, done));
    assert.strictEqual(address, '127.0.0.1');
    assert.ok((await dns.promises.lookup('localhost', { all: true })).length > 0);
  },

  async 'crypto.pbkdf2'() {
    const crypto = require('node:crypto');
    const key = await callback((done) =>
      crypto.pbkdf2('password', 'salt', 1000, 32, 'sha256', done),
    );
    assert.strictEqual(
      key.toString('hex'),
      '632c2812e46d4604102ba7618e9d6d7d2f8128f6266b4a03264d2a0460b7dcb3',
    );
  },

  async 'crypto keys and WebCrypto'() {
    const crypto = require('node:crypto');
    const { promisify } = require('node:util');
    const pair = await promisify(crypto.generateKeyPair)('ed25519');
    const message = Buffer.from('message');
    const signature = crypto.sign(null, message, pair.privateKey);
    assert.ok(crypto.verify(null, message, pair.publicKey, signature));
    const digest = await crypto.webcrypto.subtle.digest('SHA-256', message);
    const expected = crypto.createHash('sha256').update(message).digest();
    assert.ok(expected.equals(Buffer.from(digest)));
  },

  async zlib() {
    const zlib = require('node:zlib');
    const data = Buffer.from('zlib '.repeat(50_000));
    for (const [pack, unpack] of [
      [zlib.gzip, zlib.gunzip],
      [zlib.brotliCompress, zlib.brotliDecompress],
    ]) {
      const packed = await callback((done) => pack(data, done));
      assert.ok(packed.length < data.length);
      assert.ok(data.equals(await callback((done) => unpack(packed, done))));
    }
  },

  async 'timers, immediates, ticks and microtasks, in order'() {
    const seen = [];
    await new Promise((resolve) => {
      setTimeout(() => seen.push('late') && resolve(), 20);
      setTimeout(() => seen.push('early'), 1);
      setTimeout(() => assert.fail('cleared'), 5).close();
      process.nextTick(() => seen.push('tick'));
      seen.push('now');
    });
    assert.deepStrictEqual(seen, ['now', 'tick', 'early', 'late']);
    const { setImmediate: immediate } = require('node:timers/promises');
    const order = [];
    await Promise.all([
      immediate().then(() => order.push('immediate')),
      new Promise(queueMicrotask).then(() => order.push('microtask')),
    ]);
    assert.deepStrictEqual(order, ['microtask', 'immediate']);
  },

  async setInterval() {
    let count = 0;
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        if (++count === 5) resolve(clearInterval(timer));
      }, 1);
    });
    const { setInterval: ticks } = require('node:timers/promises');
    for await (const step of ticks(1, 1)) if ((count += step) === 8) break;
    assert.strictEqual(count, 8);
  },

  async AsyncLocalStorage() {
    const { AsyncLocalStorage } = require('node:async_hooks');
    const storage = new AsyncLocalStorage();
    const found = await storage.run('context', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return storage.getStore();
    });
    assert.strictEqual(found, 'context');
  },

  async 'a TCP server and its client'() {
    const net = require('node:net');
    const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    await listening(server, async (port) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.end('echo '.repeat(200_000));
      assert.strictEqual(await text(socket), 'echo '.repeat(200_000));
    });
  },

  async 'a Unix domain socket'() {
    const net = require('node:net');
    await inDirectory(async (directory) => {
      const server = net.createServer((socket) => socket.end('hello'));
      await once(server.listen(path.join(directory, 'socket')), 'listening');
      assert.strictEqual(await text(net.connect(server.address())), 'hello');
      server.close();
    });
  },

  async UDP() {
    const dgram = require('node:dgram');
    const [a, b] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
    await callback((done) => a.bind(0, '127.0.0.1', done));
    const received = once(a, 'message');
    b.send('datagram', a.address().port, '127.0.0.1');
    assert.strictEqual(String((await received)[0]), 'datagram');
    a.close();
    b.close();
  },

  async http() {
    const http = require('node:http');
    const server = http.createServer(async (request, response) => {
      response.end(`${request.method} ${request.url} ${await text(request)}`);
    });
    await listening(server, async (port) => {
      for (let i = 0; i < 3; i++) {
        const request = http.request({ port, host: '127.0.0.1', method: 'POST', path: `/${i}` });
        request.end('body');
        const [response] = await once(request, 'response');
        assert.strictEqual(await text(response), `POST /${i} body`);
      }
    });
  },

  async http2() {
    const http2 = require('node:http2');
    const server = http2.createServer((request, response) => response.end('two'));
    await listening(server, async (port) => {
      const client = http2.connect(`http://127.0.0.1:${port}`);
      assert.strictEqual(await text(client.request({ ':path': '/' })), 'two');
      client.close();
    });
  },

  async TLS() {
    const tls = require('node:tls');
    // A shared key needs no certificate.
    const common = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
    const psk = Buffer.from('secret key');
    const server = tls.createServer({ ...common, pskCallback: () => psk }, (socket) =>
      socket.end('sealed'),
    );
    await listening(server, async (port) => {
      const pskCallback = () => ({ psk, identity: 'client' });
      const checkServerIdentity = () => undefined;
      const client = tls.connect({ ...common, port, pskCallback, checkServerIdentity });
      assert.strictEqual(await text(client), 'sealed');
    });
  },

  async fetch() {
    const http = require('node:http');
    const server = http.createServer(async (request, response) => {
      response.end(JSON.stringify({ url: request.url, body: await text(request) }));
    });
    await listening(server, async (port) => {
      for (let i = 0; i < 3; i++) {
        const url = `http://127.0.0.1:${port}/${i}`;
        const response = await fetch(url, { method: 'POST', body: 'x'.repeat(1000) });
        assert.deepStrictEqual(await response.json(), { url: `/${i}`, body: 'x'.repeat(1000) });
      }
    });
  },

  async 'WebAssembly.instantiate'() {
    const { instance } = await WebAssembly.instantiate(wasmModule(3));
    assert.strictEqual(instance.exports.last(39), 42);
  },

  async 'WebAssembly.compile of a big module'() {
    const module = await WebAssembly.compile(wasmModule(5000));
    const { last } = (await WebAssembly.instantiate(module)).exports;
    // Often enough that it is compiled once more, by the optimising compiler.
    for (let i = 0; i < 300; i++) assert.strictEqual(last(i), i + 5000);
  },

  async 'WebAssembly.compileStreaming'() {
    const response = new Response(wasmModule(100), {
      headers: { 'content-type': 'application/wasm' },
    });
    const module = await WebAssembly.compileStreaming(response);
    assert.strictEqual(new WebAssembly.Instance(module).exports.last(0), 100);
  },

  async 'import()'() {
    await inDirectory(async (directory) => {
      const file = path.join(directory, 'module.mjs');
      fs.writeFileSync(file, 'await new Promise((r) => setTimeout(r, 1)); export const a = 1;');
      assert.strictEqual((await import(file)).a, 1);
      assert.strictEqual((await import('data:text/javascript,export default 2')).default, 2);
      assert.strictEqual((await import('node:querystring')).parse('a=b').a, 'b');
    });
  },

  async 'require of a new module'() {
    await inDirectory(async (directory) => {
      const file = path.join(directory, 'module.js');
      fs.writeFileSync(file, 'exports.pid = process.pid;');
      assert.strictEqual(require(file).pid, require('multiproc').posix.getpid());
    });
  },

  async 'fs.watch'() {
    await inDirectory(async (directory) => {
      const watcher = fs.watch(directory);
      const change = once(watcher, 'change');
      fs.writeFileSync(path.join(directory, 'new'), '');
      assert.strictEqual((await change)[1], 'new');
      watcher.close();
    });
  },

  async 'child_process.spawn'() {
    const child = require('node:child_process').spawn('cat');
    child.stdin.end('through cat');
    const exit = once(child, 'exit');
    assert.strictEqual(await text(child.stdout), 'through cat');
    assert.deepStrictEqual(await exit, [0, null]);
  },

  async 'child_process.spawn and kill'() {
    const child = require('node:child_process').spawn('sleep', ['1000']);
    child.kill('SIGTERM');
    assert.deepStrictEqual(await once(child, 'exit'), [null, 'SIGTERM']);
  },

  async 'child_process.execFile'() {
    const { execFile } = require('node:child_process');
    assert.strictEqual(await callback((done) => execFile('echo', ['word'], done)), 'word\n');
    await assert.rejects(
      callback((done) => execFile('false', done)),
      { code: 1 },
    );
  },

  async 'child_process.spawnSync'() {
    const { spawnSync } = require('node:child_process');
    const result = spawnSync('sh', ['-c', 'cat; exit 3'], { input: 'input', encoding: 'utf8' });
    assert.strictEqual(result.stdout, 'input');
    assert.strictEqual(result.status, 3);
  },

  async 'child_process.fork'() {
    await inDirectory(async (directory) => {
      const file = path.join(directory, 'echo.js');
      fs.writeFileSync(file, 'process.once("message", (m) => process.send([m, process.ppid]))');
      const child = require('node:child_process').fork(file);
      const exit = once(child, 'exit');
      child.send('ping');
      assert.deepStrictEqual((await once(child, 'message'))[0], ['ping', process.pid]);
      assert.deepStrictEqual(await exit, [0, null]);
    });
  },

  async 'a Worker: messages, shared memory, its end'() {
    const { Worker } = require('node:worker_threads');
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      parentPort.once('message', (m) => {
        Atomics.wait(workerData, 0, 0);
        parentPort.postMessage(m + Atomics.load(workerData, 0));
      });`;
    const worker = new Worker(source, { eval: true, workerData: shared });
    const exit = once(worker, 'exit');
    worker.postMessage(40);
    await once(worker, 'online');
    Atomics.store(shared, 0, 2);
    Atomics.notify(shared, 0);
    assert.deepStrictEqual(await once(worker, 'message'), [42]);
    assert.deepStrictEqual(await exit, [0]);
  },

  async 'a Worker that is terminated, and an error in one'() {
    const { Worker } = require('node:worker_threads');
    const busy = new Worker('for (;;);', { eval: true });
    await once(busy, 'online');
    assert.strictEqual(await busy.terminate(), 1);
    const failing = new Worker('throw new RangeError("of the worker")', { eval: true });
    const [error] = await once(failing, 'error');
    assert.strictEqual(error.message, 'of the worker');
  },

  async readline() {
    const { Readable } = require('node:stream');
    const readline = require('node:readline');
    const lines = [];
    const input = Readable.from(['one\ntw', 'o\nthree']);
    for await (const line of readline.createInterface({ input })) lines.push(line);
    assert.deepStrictEqual(lines, ['one', 'two', 'three']);
  },

  async 'AbortSignal.timeout'() {
    const signal = AbortSignal.timeout(5);
    // The signal's own timer does not keep the loop alive.
    const alive = setInterval(() => {}, 1000);
    if (!signal.aborted) await once(signal, 'abort');
    clearInterval(alive);
    assert.strictEqual(signal.reason.name, 'TimeoutError');
  },

  async MessageChannel() {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = ({ data }) => port2.postMessage({ back: data });
    const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
    port1.postMessage([1, new Map([[2, 3]])]);
    assert.deepStrictEqual(await answer, { back: [1, new Map([[2, 3]])] });
    port1.close();
  },

  async structuredClone() {
    const value = { date: new Date(0), set: new Set([1]), bytes: new Uint8Array([1, 2]) };
    value.self = value;
    const copy = structuredClone(value);
    assert.notStrictEqual(copy, value);
    assert.deepStrictEqual(copy, value);
  },

  async 'Atomics.waitAsync'() {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const [woken, late] = [Atomics.waitAsync(words, 0, 0), Atomics.waitAsync(words, 1, 0, 5)];
    // V8's own timers do not keep the loop alive.
    const alive = setInterval(() => {}, 1000);
    Atomics.notify(words, 0);
    assert.strictEqual(await woken.value, 'ok');
    assert.strictEqual(await late.value, 'timed-out');
    clearInterval(alive);
  },

  async FinalizationRegistry() {
    let collect;
    const collected = new Promise((resolve) => (collect = resolve));
    const registry = new FinalizationRegistry(collect);
    registry.register({}, 'held value');
    const garbage = [];
    const timer = setInterval(() => {
      garbage.length = 0;
      for (let i = 0; i < 200_000; i++) garbage.push({ i });
    }, 1);
    assert.strictEqual(await collected, 'held value');
    clearInterval(timer);
    registry.unregister(garbage);
  },

  async 'process.on SIGUSR2'() {
    const signal = once(process, 'SIGUSR2');
    process.kill(process.pid, 'SIGUSR2');
    assert.strictEqual((await signal)[0], 'SIGUSR2');
  },

  async 'stdin is empty'() {
    assert.strictEqual(await text(process.stdin), '');
    assert.strictEqual(fs.readFileSync(0, 'utf8'), '');
  },

  async 'a program of its own: node -e'() {
    const { execFile } = require('node:child_process');
    const output = await callback((done) => execFile(node, ['-e', 'console.log(6 * 7)'], done));
    assert.strictEqual(output, '42\n');
  },
};

/** Seconds until a feature counts as hanging. */
const patience = 20;

/** Runs all of them, one after the other. Returns pairs of a name and 'ok' or what went wrong. */
async function runFeatures() {
  const results = [];
  for (const [name, run] of Object.entries(features)) results.push([name, await outcome(run)]);
  return results;
}

async function outcome(run) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, patience * 1000, `no end after ${patience} s`);
  });
  const result = run().then(
    () => 'ok',
    (error) => error.stack,
  );
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

module.exports = { names: Object.keys(features), runFeatures };

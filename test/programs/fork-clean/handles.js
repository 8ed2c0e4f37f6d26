'use strict';

// The parent has one of every handle open, and everybody sends to them while a child runs. Each
// event is logged with the pid of the process that saw it.

const { spawn } = require('node:child_process');
const dgram = require('node:dgram');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');
const { log } = require('./pending');

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-'));
const watched = path.join(directory, 'watched');
const polled = path.join(directory, 'polled');

async function main() {
  const server = net.createServer((socket) => {
    log('connection');
    socket.on('data', (text) => {
      log(`server ${text}`);
      socket.write('pong');
    });
    socket.on('end', () => socket.end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address();
  const client = net.connect(port, '127.0.0.1').on('data', (text) => log(`client ${text}`));
  client.write('one');
  await once(client, 'data');

  const udp = dgram.createSocket('udp4').on('message', (text) => log(`udp ${text}`));
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');

  const cat = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
  cat.stdout.on('data', (text) => log(`cat ${text}`));
  cat.on('exit', () => log('exit of cat'));

  fs.writeFileSync(watched, '');
  fs.writeFileSync(polled, '');
  const watcher = fs.watch(watched, () => log('watch'));
  fs.watchFile(polled, { interval: 10 }, () => log('watchFile'));
  // The first look at the file has no event.
  await sleep(50);

  const child = new Process({ target: sendToParent, args: [port, udp.address().port] });
  child.start();
  client.write('two');
  cat.stdin.write('two');
  await child.joinAsync(10);
  log(`exitcode ${child.exitcode}`);

  // All of them live on in the parent.
  client.write('three');
  cat.stdin.end('three');
  udp.send('three', udp.address().port, '127.0.0.1');
  fs.writeFileSync(watched, 'three');
  fs.writeFileSync(polled, 'three three');
  await Promise.all([
    once(client, 'data'),
    once(cat, 'close'),
    once(udp, 'message'),
    once(watcher, 'change'),
    new Promise((resolve) => fs.watchFile(polled, resolve)),
  ]);
  client.end();
  udp.close();
  watcher.close();
  fs.unwatchFile(polled);
  server.close();
  await once(server, 'close');
  fs.rmSync(directory, { recursive: true });
}

/** In the child: makes the parent's handles have events, and gives this process time to see them. */
async function sendToParent(port, udpPort) {
  const client = net.connect(port, '127.0.0.1');
  client.write('from the child');
  const [answer] = await once(client, 'data');
  client.destroy();
  const udp = dgram.createSocket('udp4');
  await new Promise((resolve) => udp.send('from the child', udpPort, '127.0.0.1', resolve));
  fs.writeFileSync(watched, 'changed');
  fs.writeFileSync(polled, 'changed');
  await sleep(60);
  if (String(answer) !== 'pong') process.exit(2);
}

void main();

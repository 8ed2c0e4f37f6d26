'use strict';

// Writes that the parent has begun and not finished when it forks: "<pid> <stream> <bytes>".

const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { Process } = require('multiproc');

const size = 4 * 2 ** 20;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'multiproc-'));

async function main() {
  const file = fs.createWriteStream(path.join(directory, 'file'));
  const server = net.createServer();
  server.listen(path.join(directory, 'socket'));
  const client = net.connect(path.join(directory, 'socket'));
  const [socket] = await once(server, 'connection');

  file.write('once\n');
  // More than the kernel takes at a time.
  socket.end(Buffer.alloc(size));
  process.stdout.cork();
  process.stderr.cork();
  process.stdout.write('stdout once\n');
  process.stderr.write('stderr once\n');
  const child = new Process({
    async target() {
      console.log('child');
      await sleep(50);
    },
  });
  child.start();
  child.join(10);
  process.stdout.uncork();
  process.stderr.uncork();

  let received = 0;
  for await (const chunk of client) received += chunk.length;
  file.end();
  await once(file, 'close');
  console.log(`file ${JSON.stringify(fs.readFileSync(path.join(directory, 'file'), 'utf8'))}`);
  console.log(`socket ${received === size}`);
  console.log(`exitcode ${child.exitcode}`);
  server.close();
  fs.rmSync(directory, { recursive: true });
}

void main();

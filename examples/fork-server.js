// The classic server: it forks a child for each connection.
//
//   node examples/fork-server.js
//
// The child talks to the client; the parent closes its copy of the socket and goes on accepting.
// The second half is a client that opens 20 connections at once.
'use strict';

const { once } = require('node:events');
const net = require('node:net');
const { Process } = require('multiproc');

/** In the child: answers line by line, until the client hangs up. */
async function talk(socket) {
  socket.write(`you talk to process ${process.pid}\n`);
  for await (const data of socket) socket.write(data.toString().toUpperCase());
}

function createForkServer() {
  return net.createServer({ allowHalfOpen: true }, (socket) => {
    const child = new Process({ target: talk, args: [socket] });
    child.start();
    socket.destroy(); // this process's copy; the connection is the child's now
    child.joinAsync(); // reaps it
  });
}

async function converse(port, word) {
  const socket = net.connect(port, '127.0.0.1');
  socket.end(`${word}\n`);
  let heard = '';
  for await (const data of socket) heard += data;
  const [greeting, answer] = heard.split('\n');
  return { pid: Number(greeting.match(/\d+$/)[0]), answer };
}

async function main() {
  const server = createForkServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const words = Array.from({ length: 20 }, (_, i) => `word ${i}`);
  const answers = await Promise.all(words.map((word) => converse(port, word)));
  answers.forEach(({ pid, answer }, i) => console.log(`process ${pid}: ${words[i]} -> ${answer}`));
  console.log(`${new Set(answers.map(({ pid }) => pid)).size} processes served 20 clients`);
  server.close();
}

module.exports = { createForkServer };
if (require.main === module) main();

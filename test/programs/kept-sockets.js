'use strict';
// Sockets and servers as arguments. Each part prints a line of JSON.

const { once } = require('node:events');
const net = require('node:net');
const { currentProcess, Process } = require('multiproc');

function report(part, value) {
  console.log(JSON.stringify({ part, ...value }));
}

async function listen(handler) {
  const server = net.createServer({ allowHalfOpen: true }, handler);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

/** All that comes. Not by `for await`, which closes the socket at the end on Node 20. */
function textOf(socket) {
  return new Promise((resolve, reject) => {
    let heard = '';
    socket.setEncoding('utf8').on('data', (text) => (heard += text));
    socket.on('end', () => resolve(heard)).on('error', reject);
  });
}

/** Says a word to the server, and hears it out: to the end of the connection. */
function converse(port, word) {
  const socket = net.connect(port, '127.0.0.1');
  socket.end(word);
  return textOf(socket);
}

/** Does not end the connection: its end shows that no other process has a copy of the socket. */
async function answer(socket, greeting = 'argument') {
  const heard = await textOf(socket);
  socket.write(`${greeting} ${currentProcess().pid} ${heard.toUpperCase()}`);
}

class Answering extends Process {
  constructor(socket) {
    super();
    this.socket = socket;
  }
  run() {
    return answer(this.socket, 'field');
  }
}

/** A child of its own for each connection, made by `toProcess`. */
function forkServer(toProcess) {
  return listen((socket) => {
    const child = toProcess(socket);
    child.start();
    socket.destroy();
    void child.joinAsync();
  });
}

const kinds = {
  argument: (socket) => new Process({ target: answer, args: [socket] }),
  field: (socket) => new Answering(socket),
  option: (socket) =>
    new Process({ target: (options) => answer(options.socket, 'option'), kwargs: { socket } }),
};

/** The clients are in a child, so that this process is nothing but the server. */
async function serve(kind, clients) {
  const server = await forkServer(kinds[kind]);
  const child = new Process({
    target: converseAtOnce,
    args: [kind, server.address().port, clients],
  });
  child.start();
  await child.joinAsync();
  server.close();
}

async function converseAtOnce(kind, port, count) {
  const words = Array.from({ length: count }, (_, i) => `${kind}${i}`);
  const answers = (await Promise.all(words.map((word) => converse(port, word)))).map((heard) =>
    heard.split(' '),
  );
  report(kind, {
    greetings: [...new Set(answers.map(([greeting]) => greeting))],
    processes: new Set(answers.map(([, pid]) => pid)).size,
    right: answers.filter(([, , text], i) => text === words[i].toUpperCase()).length,
  });
}

/** The server itself moves into a child; there it forks for each connection. */
async function serverMoves() {
  const server = await forkServer(kinds.argument);
  const { port } = server.address();
  const child = new Process({ target: () => new Promise(() => {}), args: [server] });
  child.start();
  server.close();
  const heard = await Promise.all(['a', 'b', 'c'].map((word) => converse(port, word)));
  report('server', { heard: heard.map((text) => text.replace(/\d+/, 'PID')) });
  child.terminate();
  await child.joinAsync();
  const refused = await converse(port, 'd').catch((error) => error.code);
  report('server gone', { refused });
}

/** What the parent does not hand over does nothing in the child. */
async function othersRest() {
  const connections = [];
  const server = await listen((socket) => connections.push(socket));
  const { port } = server.address();
  const client = net.connect(port, '127.0.0.1');
  await once(server, 'connection');
  connections[0].on('data', (data) => report('others', { heard: String(data), inChild: false }));
  const child = new Process({
    target: async () => {
      connections[0].on('data', () => report('others', { inChild: true }));
      // Long enough for what is sent just now to be seen here.
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
  });
  child.start();
  client.write('for the parent');
  const pending = converse(port, 'second').catch((error) => error.code);
  await child.joinAsync();
  report('others connect', { connections: connections.length });
  connections.forEach((socket) => socket.end());
  await pending;
  client.destroy();
  server.close();
}

async function main() {
  await serve('argument', 20);
  await serve('field', 3);
  await serve('option', 3);
  await serverMoves();
  await othersRest();
}

void main();

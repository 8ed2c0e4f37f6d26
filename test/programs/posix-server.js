'use strict';

/** A child of fork(2) serves the clients of a server that its parent has opened. */

const net = require('node:net');
const { posix } = require('multiproc');

const server = net.createServer((client) => client.end(`pid ${posix.getpid()}`));
server.listen(0, '127.0.0.1', () => {
  const child = posix.fork();
  if (child === 0) {
    server.once('connection', () => server.close());
    return;
  }
  const { port } = server.address();
  server.close();
  let answer = '';
  const client = net.connect(port, '127.0.0.1');
  client.on('data', (text) => (answer += text));
  // Not before: the child waits for this end to be closed.
  client.on('close', () => {
    const [, status] = posix.waitpid(child);
    console.log(answer === `pid ${child}`, posix.waitstatusToExitcode(status));
  });
});

'use strict';

// The parent uses a connection that its HTTP client keeps open; so does its child, of its own.

const { once } = require('node:events');
const http = require('node:http');

const { Process } = require('multiproc');
const { log } = require('./pending');

const clients = {
  async 'http.get'(url) {
    const [response] = await once(http.get(url), 'response');
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    return text;
  },
  fetch: async (url) => (await fetch(url)).text(),
};

async function main(request) {
  let connections = 0;
  const server = http.createServer((asked, response) => response.end(`answer to ${asked.url}`));
  server.on('connection', () => connections++);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  const ask = async (path) => log(await request(`${url}/${path}`));

  await ask('parent');
  // Without an answer yet, on a connection that the child inherits.
  const underWay = ask('under-way');
  const child = new Process({
    async target() {
      await ask('child');
      await ask('child-again');
    },
  });
  child.start();
  await child.joinAsync(10);
  log(`exitcode ${child.exitcode}`);
  await underWay;
  await ask('parent-again');
  log(`connections ${connections}`);
  server.close();
  server.closeAllConnections();
}

void main(clients[process.argv[2]]);

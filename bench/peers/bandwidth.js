// bandwidth.js pipe|socket recvBytes|recvBytesInto COUNT
'use strict';

const { Pipe, Process } = require('multiproc');
const { now, report, RUNS } = require('../lib');

const [kind, method] = process.argv.slice(2);
const count = Number(process.argv[4]);
const [receiver, sender] = Pipe(kind === 'socket');
const message = Buffer.alloc(2 ** 20, 1);

function send() {
  for (let i = 0; i < RUNS * count; i++) sender.sendBytes(message);
}

const child = new Process({ target: send, daemon: true });
child.start();
report(() => {
  const begin = now();
  for (let i = 0; i < count; i++) {
    if (method === 'recvBytes') receiver.recvBytes();
    else receiver.recvBytesInto(message);
  }
  return (count * message.length) / 1e6 / (now() - begin);
});
child.join();

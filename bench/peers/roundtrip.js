// roundtrip.js object|bytes COUNT
'use strict';

const { Pipe, Process } = require('multiproc');
const { now, report, RUNS } = require('../lib');

const kind = process.argv[2];
const count = Number(process.argv[3]);
const [here, there] = Pipe();
const bytes = Buffer.alloc(16, 1);

function object() {
  here.send(123456);
  here.recv();
}

function sixteenBytes() {
  here.sendBytes(bytes);
  here.recvBytes();
}

function echo() {
  for (let i = 0; i < RUNS * count; i++) {
    if (kind === 'object') there.send(there.recv());
    else there.sendBytes(there.recvBytes());
  }
}

const child = new Process({ target: echo, daemon: true });
child.start();
const roundtrip = kind === 'object' ? object : sixteenBytes;
report(() => {
  const begin = now();
  for (let i = 0; i < count; i++) roundtrip();
  return ((now() - begin) * 1e3) / count;
});
child.join();

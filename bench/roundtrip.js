// A small message to another process and back.
'use strict';

const { canPin, compare } = require('./lib');

const COUNT = 2500;

function run() {
  const rows = [
    ['an integer, send + recv', ['object', COUNT]],
    ['16 bytes, sendBytes + recvBytes', ['bytes', COUNT]],
  ];
  const pins = canPin();
  if (pins) {
    rows.push(...rows.map(([label, args]) => [`${label}, on one processor`, args, true]));
  }
  compare('roundtrip', 'there and back over Pipe(), microseconds', rows, { digits: 1 });
  if (!pins) console.log('(no rows with all on one processor: there is no taskset, of util-linux)');
}

module.exports = { run };

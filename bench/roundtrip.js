// A small message to another process and back.
'use strict';

const { canPin, compare } = require('./lib');

const COUNT = 1500;

function run() {
  const rows = [
    ['an integer, send + recv', ['object', COUNT]],
    ['16 bytes, sendBytes + recvBytes', ['bytes', COUNT]],
  ];
  const pinned = rows.map(([label, args]) => [`${label}, one processor`, args, true]);
  const pins = canPin();
  compare(
    'roundtrip',
    'there and back over Pipe(), microseconds',
    [...rows, ...(pins ? pinned : [])],
    {
      rounds: 3,
      digits: 1,
    },
  );
  if (!pins) console.log('(no rows with all on one processor: there is no taskset, of util-linux)');
}

module.exports = { run };

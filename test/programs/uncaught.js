'use strict';

/** Children that end by errors nobody catches; each is named after what it does. */

const { Process } = require('multiproc');

const forever = () => new Promise(() => {});

function failHere(message) {
  throw new Error(message);
}

const failures = {
  throws: () => failHere('thrown'),
  rejects: async () => {
    await null;
    failHere('rejected');
  },
  forgets: () => {
    void Promise.reject(new Error('forgotten'));
    return forever();
  },
  timer: () => {
    setTimeout(failHere, 1, 'in a timer');
    return forever();
  },
  text: () => {
    throw 'no error at all';
  },
  caused: () => {
    throw new TypeError('outer', { cause: new RangeError('inner') });
  },
  long: () => failHere(`${'y'.repeat(300_000)} the end`),
};

for (const [name, target] of Object.entries(failures)) {
  const child = new Process({ target, name });
  child.start();
  child.join(5);
  console.log(name, child.exitcode);
  child.kill();
}

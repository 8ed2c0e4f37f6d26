'use strict';

/**
 * fork(2) itself, from several places: it returns twice, and what the parent has pending is
 * pending in both. Prints one line for each side and thing that happens there.
 */

const fs = require('node:fs');
const { posix } = require('multiproc');

const places = {
  script: (go) => go(),
  promise: (go) => void Promise.resolve().then(go),
  timer: (go) => setTimeout(go, 1),
  immediate: (go) => setImmediate(go),
  'fs callback': (go) => fs.readFile(__filename, go),
};

const parent = process.pid;
let variable = 'inherited';
let side = 'before the fork';
const say = (line) => fs.writeSync(1, `${side}: ${line}\n`);

setTimeout(() => say('timer of before'), 50);
process.on('exit', (code) => say(`exit listener ${code}`));

function forkHere() {
  const pid = posix.fork();
  side = pid === 0 ? 'child' : 'parent';
  const own = pid === 0 ? posix.getppid() === parent : posix.getpid() === parent;
  say(`fork returned ${pid === 0 ? 0 : 'a pid'}; pids ${own && process.pid === posix.getpid()}`);
  say(`variable ${variable}`);
  variable = side;
  void Promise.resolve().then(() => say('promise'));
  if (pid === 0) {
    setTimeout(() => {
      say('timer of its own');
      process.exitCode = 7;
    }, 60);
    return;
  }
  const [ended, status] = posix.waitpid(pid);
  say(
    `waitpid returned ${ended === pid ? 'that pid' : ended}, exit code ${posix.WEXITSTATUS(status)}`,
  );
  say(`variable ${variable}`);
}

places[process.argv[2]](forkHere);

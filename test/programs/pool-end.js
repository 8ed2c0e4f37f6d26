'use strict';

/** Programs with a pool that nobody closed; says the pids of its workers. */

const { Pool, Process, activeChildren } = require('multiproc');

const [, , how, where, daemon] = process.argv;

function usePool() {
  globalThis.pool = new Pool({ processes: 2, daemon: daemon === 'true' });
  const double = (x) => 2 * x;
  const results = globalThis.pool.map(double, [1, 2, 3, 4], 1);
  if (results.join() !== '2,4,6,8') throw new Error(results);
  for (const { pid } of activeChildren()) console.log(pid);
  if (how !== 'return' && how !== 'exit')
    globalThis.pool.applyAsync(() => new Promise(() => undefined));
}

function end() {
  if (how === 'exit' || how === 'busy') process.exit(0);
  if (how === 'killed') process.kill(process.pid, 'SIGKILL');
  // Control-C goes to all processes of the group.
  if (how === 'interrupted') process.kill(0, 'SIGINT');
}

if (where === 'child') {
  const child = new Process({
    target() {
      usePool();
      end();
    },
  });
  child.start();
  child.join();
  if (how !== 'killed') process.exitCode = child.exitcode;
} else {
  usePool();
  end();
}

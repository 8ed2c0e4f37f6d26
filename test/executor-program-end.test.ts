/** Executors at the end of the program. */

import { runSource } from './lib/run';

/** With an executor of two workers, and a slow call. */
function run(body: string): ReturnType<typeof runSource> {
  return runSource(`
    const { ProcessPoolExecutor } = require('multiproc');
    const executor = new ProcessPoolExecutor(2);
    const slow = (x) => new Promise((resolve) => setTimeout(() => resolve(x), 50));
    const show = (future) => console.log(future.result());
    ${body}`);
}

const sorted = (text: string): string[] => text.trim().split('\n').sort();

const ends = { naturally: '', 'by process.exit()': 'process.exit();' };

describe.each(Object.entries(ends))('a program that ends %s', (_, exit) => {
  test('C354: finishes what is pending', async () => {
    const ended = await run(`
      for (let x = 0; x < 6; x++) executor.submit(slow, x).addDoneCallback(show);
      ${exit}`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(sorted(ended.stdout)).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  test('C354: finishes it also in a child process', async () => {
    const ended = await runSource(`
      const { Process, ProcessPoolExecutor } = require('multiproc');
      const slow = (x) => new Promise((resolve) => setTimeout(() => resolve(x), 50));
      const child = new Process({
        daemon: false,
        target() {
          const executor = new ProcessPoolExecutor(2);
          for (let x = 0; x < 4; x++) {
            executor.submit(slow, x).addDoneCallback((future) => console.log(future.result()));
          }
          ${exit}
        },
      });
      child.start();
      child.join(20);
      console.log(child.exitcode);`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(sorted(ended.stdout)).toEqual(['0', '0', '1', '2', '3']);
  });

  test('C358: does not hang after shutdown() without waiting', async () => {
    const ended = await run(`
      for (let x = 0; x < 3; x++) executor.submit(slow, x).addDoneCallback(show);
      executor.shutdown(false);
      ${exit}`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(sorted(ended.stdout)).toEqual(['0', '1', '2']);
  });

  test('C385: nor when what waits was cancelled', async () => {
    const ended = await run(`
      for (let x = 0; x < 9; x++) {
        executor.submit(slow, x).addDoneCallback((future) => {
          if (!future.cancelled()) console.log(future.result());
        });
      }
      executor.shutdown(false, { cancelFutures: true });
      ${exit}`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(sorted(ended.stdout)).toEqual(['0', '1']);
  });

  test('C355: nothing can be submitted in an exit listener', async () => {
    const ended = await run(`
      executor.submit(slow, 0).addDoneCallback(show);
      process.on('exit', () => {
        for (const begin of [() => executor.submit(slow, 1), () => executor.map(slow, [1])]) {
          try { begin(); } catch (error) { console.log(String(error)); }
        }
      });
      ${exit}`);
    const refusal = 'RuntimeError: cannot schedule new futures after interpreter shutdown\n';
    expect(ended).toMatchObject({ code: 0, stdout: `0\n${refusal}${refusal}`, stderr: '' });
  });

  test('is not kept by an executor that has nothing to do', async () => {
    const ended = await run(`
      executor.submit((x) => x, 1).result(20);
      new ProcessPoolExecutor(2);
      ${exit}`);
    expect(ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});

test('C354: promises are settled at the natural end', async () => {
  const ended = await run(`
    for (let x = 0; x < 4; x++) executor.submit(slow, x).then(console.log);`);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(sorted(ended.stdout)).toEqual(['0', '1', '2', '3']);
});

test('C354: the exit code is kept, and an error of a call changes nothing', async () => {
  const ended = await run(`
    executor.submit(() => { throw new Error('unasked'); });
    executor.submit(slow, 1).addDoneCallback(show);
    process.exit(7);`);
  expect(ended).toMatchObject({ code: 7, stdout: '1\n', stderr: '' });
});

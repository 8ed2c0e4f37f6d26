import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { posix, Process, registerAtFork } from 'multiproc';

import { type Ended, runProgram, runSource } from './lib/run';

interface Line {
  pid: number;
  text: string;
}

/** What programs log: "<pid> <text>". */
function linesOf(stdout: string): Line[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [pid, ...words] = line.split(' ');
      return { pid: Number(pid), text: words.join(' ') };
    });
}

/** The texts of each process, in the order of the processes' first lines. */
function textsByProcess(stdout: string): string[][] {
  const texts = new Map<number, string[]>();
  for (const { pid, text } of linesOf(stdout)) texts.set(pid, [...(texts.get(pid) ?? []), text]);
  return [...texts.values()];
}

function namesAfter(word: string, texts: readonly string[]): string[] {
  return texts
    .filter((text) => text.startsWith(`${word} `))
    .map((text) => text.slice(word.length + 1))
    .sort();
}

/** All that a process had left pending has run in it, each once. */
function expectAllRan(texts: readonly string[]): void {
  const armed = namesAfter('armed', texts);
  expect(armed.length).toBeGreaterThan(30);
  expect(namesAfter('ran', texts)).toEqual(armed);
}

function expectCleanEnd(ended: Ended): void {
  expect(ended).toMatchObject({ stderr: '', code: 0, signal: null });
}

const run = (name: string, ...args: string[]): Promise<Ended> =>
  runProgram(`fork-clean/${name}`, { args, deadline: 25 });

async function valuesOf(source: string): Promise<unknown> {
  const ended = await runSource(source);
  expectCleanEnd(ended);
  return JSON.parse(ended.stdout);
}

describe('An async target completes, and nothing of the parent runs in the child, from', () => {
  const places = [
    'the top level',
    'an async function after await',
    'a tick',
    'a timeout',
    'an interval',
    'an immediate',
    'a callback of fs',
    'a continuation of fs.promises',
    'an event listener',
    'a handler of HTTP requests',
    'a data event, with more events of the same poll to come',
    'AsyncLocalStorage.run',
    'AsyncLocalStorage.run after await',
    'a chain of promises',
    'a microtask',
    'a finally block',
    'vm.runInContext',
    'a callback from C++',
    'a callback from WebAssembly',
    'a generator',
    'a message event',
    'a signal listener',
    'a listener of uncaught exceptions',
    'a listener of unhandled rejections',
  ];

  function expectCleanFork(ended: Ended, store = 'undefined'): void {
    expectCleanEnd(ended);
    const [parent, ...children] = textsByProcess(ended.stdout);
    expect(children).toEqual([[`began with ${store}`, `ended with ${store}`]]);
    expectAllRan(parent!);
    expect(namesAfter('exitcode', parent!)).toEqual(['0']);
  }

  test.each(places)('%s', async (place) => {
    const store = place.startsWith('AsyncLocalStorage') ? 'a store' : undefined;
    expectCleanFork(await run('places.js', place), store);
  });

  test.each([
    ['the top level of an ES module', 'at once'],
    ['the top level of an ES module after await', 'await'],
  ])('%s', async (_place, moment) => {
    const ended = await run('top-level-await.mjs', moment);
    expectCleanFork(ended);
    expect(namesAfter('evaluated', linesOf(ended.stdout).map(({ text }) => text))).toEqual(['once']);
  });

  test('a child: the grandchild runs nothing of either, and both run all of theirs', async () => {
    const ended = await run('generations.js');
    expectCleanEnd(ended);
    const lines = textsByProcess(ended.stdout);
    expect(lines).toHaveLength(3);
    const [parent, child, grandchild] = lines;
    expect(grandchild).toEqual(['began with undefined', 'ended with undefined']);
    expect(child).toContain('all ran');
    expect(child).toContain('exitcode 0');
    expect(parent).toEqual(['exitcode 0']);
  });
});

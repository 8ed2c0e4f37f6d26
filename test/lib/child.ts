/** Children of the test's own process. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { activeChildren, Process } from 'multiproc';

/** Seconds after which a wait that should end has failed. */
export const patience = 20;

/** A target that ends only by a signal. */
export function forever(): Promise<never> {
  return new Promise(() => undefined);
}

/** A child that runs until somebody ends it. */
export function startedForever(): Process {
  const child = new Process({ target: forever });
  child.start();
  return child;
}

/** Runs a process to its end. */
export function exitcodeOf(child: Process): number | null {
  child.start();
  child.join(patience);
  return child.exitcode;
}

/** Calls the function in a child; its result comes back as JSON. */
export function inChild(target: () => unknown, options: { daemon?: boolean } = {}): any {
  const directory = temporaryDirectory();
  const file = join(directory, 'result');
  try {
    exitcodeOf(new Process({ ...options, target: () => writeFileSync(file, toJson(target())) }));
    return JSON.parse(readFileSync(file, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function toJson(value: unknown): string {
  return JSON.stringify(value ?? null);
}

/** The error of a call as `Class: message`; undefined if there is none. */
export function errorOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

/** The error of a rejected promise as `Class: message`; undefined if there is none. */
export function rejectionOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(() => undefined, describeError);
}

function describeError(error: unknown): string {
  const { constructor, message } = error as Error;
  return `${constructor.name}: ${message}`;
}

/** An empty directory; the caller removes it. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'multiproc-'));
}

/** For afterEach(): a test that leaves a child running has failed. */
export function expectNoChildren(): void {
  const left = activeChildren();
  for (const child of left) {
    child.kill();
    child.join(patience);
  }
  expect(left.map((child) => child.name)).toEqual([]);
}

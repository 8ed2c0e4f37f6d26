/** The life of a forked child, from its first turn of the event loop to its end. */

import { constants } from 'node:os';
import { inspect } from 'node:util';

import { isInspected } from './fork/debugger';
import { posix } from './native';
import { main } from './realm';
import { isThenable } from './thenable';

export interface Child {
  name: string;
  diesWithParent: boolean;
  parentPid: number;
  /** What it does. A promise is waited for. */
  run: () => unknown;
  /** Waits for its own children; null when there are none. */
  finish: () => Promise<void> | null;
}

/** Runs the child to its end: returns to the event loop, never ends otherwise than by exit. */
export function runChild(child: Child): void {
  if (child.diesWithParent) dieWithParent(child.parentPid);
  showName(child.name);
  reportUncaught(child.name);
  const inherited = new Set(activeRequests());
  const end = (code: number | undefined): void => void finish(child, inherited, code);

  // An error is left to Node, which reports it and exits. If a listener of the child's handles
  // it, the child ends with 1 all the same.
  const failed = (): void => void setImmediate(end, 1);
  let result: unknown;
  let threw = true;
  try {
    result = child.run();
    threw = false;
  } finally {
    if (threw) failed();
  }
  if (!isThenable(result)) {
    end(undefined);
    return;
  }
  const promise = Promise.resolve(result);
  promise.catch(failed);
  void promise.then(() => end(undefined));
}

async function finish(
  child: Child,
  inherited: ReadonlySet<unknown>,
  code: number | undefined,
): Promise<void> {
  // Without a turn of the event loop where there is nothing to wait for.
  const children = child.finish();
  if (children !== null) await children;
  if (isWriting(inherited)) await writesDone(inherited);
  main.process.exit(code ?? main.process.exitCode);
}

function dieWithParent(parentPid: number): void {
  if (process.platform !== 'linux') return;
  posix.setParentDeathSignal(constants.signals.SIGKILL);
  // It may have ended just before.
  if (posix.getppid() !== parentPid) posix.exit(1);
}

function showName(name: string): void {
  main.process.title = name;
  posix.setThreadName(name);
}

/** Python's first line; Node prints the rest. */
function reportUncaught(name: string): void {
  main.process.on('uncaughtExceptionMonitor', (error) => {
    if (main.process.listenerCount('uncaughtException') > 0) return;
    if (main.process.hasUncaughtExceptionCaptureCallback()) return;
    posix.writeAll(2, Buffer.from(`Process ${name}:\n`));
    if (!isInspected()) return;
    // Node would wait for the inspector's thread, which is not here.
    posix.writeAll(2, Buffer.from(`${inspect(error)}\n`));
    main.process.exit(1);
  });
}

/** Requests to the operating system under way: of files, of sockets. */
function activeRequests(): unknown[] {
  return (main.process as unknown as { _getActiveRequests(): unknown[] })._getActiveRequests();
}

function isWriting(inherited: ReadonlySet<unknown>): boolean {
  return activeRequests().some((each) => !inherited.has(each));
}

/** Nothing pending keeps a child alive, but what it has begun to write is written. */
async function writesDone(inherited: ReadonlySet<unknown>): Promise<void> {
  for (let pause = 1; isWriting(inherited); pause *= 2) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, 20)));
  }
}

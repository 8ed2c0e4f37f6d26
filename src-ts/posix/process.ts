/** Processes: fork, wait, kill, exit. */

import { constants } from 'node:os';

import { reallyExit } from '../fork/exit';
import { pid } from '../fork/identity';
import { fork as forkNode, posix } from '../native';
import { main, realms } from '../realm';
import { checkedInt } from './arguments';

/**
 * fork(2): returns twice, with the child's pid in the parent and with 0 in the child. The child has
 * everything that the parent has: the stack, the variables, timers, open sockets and what lies in
 * buffers. It goes on from here, and ends like any program.
 * @throws OSError EAGAIN, ENOMEM; RuntimeError in a worker thread.
 * @see https://man7.org/linux/man-pages/man2/fork.2.html
 */
export function fork(): number {
  const pid = forkNode(() => {}, null);
  if (pid === 0) adaptNode();
  return pid;
}

/**
 * The process id of this process, asked of the kernel.
 * @see https://man7.org/linux/man-pages/man2/getpid.2.html
 */
export function getpid(): number {
  return posix.getpid();
}

/**
 * The process id of the parent. It changes when the parent ends.
 * @see https://man7.org/linux/man-pages/man2/getppid.2.html
 */
export function getppid(): number {
  return posix.getppid();
}

/**
 * Waits until a child changes its state.
 * @param pid A child's pid; -1 for any.
 * @param options WNOHANG, WUNTRACED.
 * @returns The pid, 0 if WNOHANG found none, and the status for WIFEXITED and its like.
 * @throws ChildProcessError when there is no such child.
 * @see https://man7.org/linux/man-pages/man2/waitpid.2.html
 */
export function waitpid(pid: number, options = 0): [pid: number, status: number] {
  return posix.waitpid(checkedInt('pid', pid), checkedInt('options', options));
}

/**
 * Sends a signal.
 * @param signal A name such as 'SIGTERM', or a number; 0 only asks whether it could be sent.
 * @throws ProcessLookupError, PermissionError
 * @see https://man7.org/linux/man-pages/man2/kill.2.html
 */
export function kill(pid: number, signal: NodeJS.Signals | number): void {
  const number = typeof signal === 'string' ? constants.signals[signal] : signal;
  posix.kill(checkedInt('pid', pid), checkedInt('signal', number));
}

/**
 * _exit(2): ends the process at once, without listeners, without flushing anything.
 * @see https://man7.org/linux/man-pages/man2/_exit.2.html
 */
export function exit(code = 0): never {
  return posix.exit(checkedInt('code', code));
}

let adapted = false;

/** In the child of a plain fork: what Node has cached, and the end that it could not survive. */
function adaptNode(): void {
  for (const { process } of realms) Object.defineProperty(process, 'pid', pid);
  if (!adapted) exitAfterListeners();
  adapted = true;
}

/** Node tears itself down when its loop runs dry, which needs threads that are not here. */
function exitAfterListeners(): void {
  const node = main.process as NodeJS.Process & { reallyExit(code: unknown): never };
  Object.defineProperty(node, 'reallyExit', reallyExit);
  const emit = node.emit.bind(node) as (event: string, ...args: unknown[]) => boolean;
  // Between the listeners for an error that nobody handles and its end, Node prints it.
  let failing = false;
  const emitThenExit = (event: string, ...args: unknown[]): boolean => {
    const heard = emit(event, ...args);
    if (event === 'uncaughtExceptionMonitor') failing = true;
    if (event === 'uncaughtException' && heard) failing = false;
    if (event === 'exit' && !failing) node.reallyExit(node.exitCode ?? args[0]);
    return heard;
  };
  Object.defineProperty(node, 'emit', { value: emitThenExit, configurable: true, writable: true });
}

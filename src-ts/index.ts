/** multiproc: Python's `multiprocessing` for Node.js, with real processes. */

import './eager';

export { type AtForkHooks, registerAtFork } from './at-fork';
export {
  AssertionError,
  BlockingIOError,
  BrokenPipeError,
  ChildProcessError,
  FileNotFoundError,
  NotImplementedError,
  OSError,
  PermissionError,
  ProcessLookupError,
  RuntimeError,
  ValueError,
} from './errors';
export * as posix from './posix';
export {
  activeChildren,
  cpuCount,
  currentProcess,
  freezeSupport,
  parentProcess,
  type ParentProcess,
  Process,
  type ProcessOptions,
  type Target,
} from './process';

import './lazy';

/** multiproc: Python's `multiprocessing` for Node.js, with real processes. */

import './eager';

export { type AtForkHooks, registerAtFork } from './at-fork';
export {
  AssertionError,
  AuthenticationError,
  BlockingIOError,
  BrokenBarrierError,
  BrokenPipeError,
  BufferError,
  BufferTooShort,
  ChildProcessError,
  Empty,
  EOFError,
  FileExistsError,
  FileNotFoundError,
  Full,
  IndexError,
  NotImplementedError,
  OSError,
  OverflowError,
  OwnerDiedError,
  PermissionError,
  PickleError,
  PicklingError,
  ProcessError,
  ProcessLookupError,
  RuntimeError,
  TimeoutError,
  UnpicklingError,
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
export {
  type DescriptorSink,
  type DescriptorSource,
  register,
  type RegisterOptions,
} from './serialization';

import './lazy';

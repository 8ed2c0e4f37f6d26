/** multiproc: Python's `multiprocessing` for Node.js, with real processes. */

import './eager';

export { type AtForkHooks, registerAtFork } from './at-fork';
export {
  type Bytes,
  Connection,
  Pipe,
  type PipeOptions,
  recvHandle,
  sendHandle,
  wait,
  type Waitable,
  waitAsync,
} from './connection';
export {
  AssertionError,
  AttributeError,
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
export type { BlockOptions } from './arguments';
export { JoinableQueue, Queue, SimpleQueue } from './queues';
export {
  Array,
  atomics,
  CharArray,
  type Code,
  CompoundArray,
  copy,
  type CType,
  type Fields,
  type LockLike,
  RawArray,
  type RawArrayOf,
  type Raw,
  RawValue,
  Scalar,
  Structure,
  Synchronized,
  synchronized,
  SynchronizedArray,
  SynchronizedString,
  SynchronizedStructure,
  Value,
  WideCharArray,
} from './sharedctypes';
export {
  Barrier,
  type BarrierOptions,
  BoundedSemaphore,
  Condition,
  Event,
  Lock,
  RLock,
  Semaphore,
} from './synchronize';
export {
  type DescriptorSink,
  type DescriptorSource,
  register,
  type RegisterOptions,
} from './serialization';
export {
  ShareableList,
  type ShareableListItem,
  type ShareableListOptions,
  SharedMemory,
  type SharedMemoryOptions,
} from './shared-memory';
export {
  ALL_COMPLETED,
  asCompleted,
  BrokenExecutor,
  BrokenProcessPool,
  CancelledError,
  Executor,
  type ExecutorMapOptions,
  type ExecutorOptions,
  ExecutorResults,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  Future,
  InvalidStateError,
  ProcessPoolExecutor,
} from './futures';
export * as futures from './futures';
export {
  type ApplyOptions,
  AsyncResult,
  type ImapOptions,
  IMapIterator,
  type MapOptions,
  MapResult,
  MaybeEncodingError,
  Pool,
  type PoolOptions,
  type PoolStatistics,
  PoolTerminatedError,
  progressBar,
  type TaskOptions,
  WorkerDiedError,
} from './pool';

import './lazy';

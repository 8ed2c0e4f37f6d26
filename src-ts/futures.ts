/** Futures and the executor of processes: Python's concurrent.futures. */

export { TimeoutError } from './errors';
export { Executor, type ShutdownOptions } from './futures/base';
export {
  BrokenExecutor,
  BrokenProcessPool,
  CancelledError,
  InvalidStateError,
} from './futures/errors';
export { type ExecutorOptions, ProcessPoolExecutor } from './futures/executor';
export { Future } from './futures/future';
export { type ExecutorMapOptions, ExecutorResults } from './futures/map';
export {
  ALL_COMPLETED,
  asCompleted,
  type DoneAndNotDone,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  type ReturnWhen,
  wait,
  waitAsync,
} from './futures/wait';

/** Futures and the executor of processes: Python's concurrent.futures. */

export {
  BrokenExecutor,
  BrokenProcessPool,
  CancelledError,
  InvalidStateError,
} from './futures/errors';
export {
  type ExecutorMapOptions,
  type ExecutorOptions,
  ExecutorResults,
  ProcessPoolExecutor,
  type ShutdownOptions,
} from './futures/executor';
export { Future } from './futures/future';
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

/** Pools of processes: CPython's multiprocessing/pool.py. */

export { MaybeEncodingError, PoolTerminatedError, WorkerDiedError } from './pool/errors';
export type { TaskFunction } from './pool/functions';
export { IMapIterator } from './pool/imap';
export {
  type ApplyOptions,
  type ImapOptions,
  type MapOptions,
  Pool,
  type PoolOptions,
  type PoolStatistics,
} from './pool/pool';
export { progressBar } from './pool/progress';
export { AsyncResult, MapResult } from './pool/results';
export type { TaskOptions } from './pool/task';

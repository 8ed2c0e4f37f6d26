/**
 * Synchronisation between processes: CPython's multiprocessing/synchronize.py. Each object is a few
 * words of shared memory, which are changed by atomic operations; whoever has to wait does so in the
 * kernel (src-cpp/posix/address.cc). A process that is killed makes no other wait for ever.
 */

export { Acquirable } from './synchronize/acquirable';
export { Barrier, type BarrierOptions } from './synchronize/barrier';
export { Condition } from './synchronize/condition';
export { Event } from './synchronize/event';
export { Lock, RLock } from './synchronize/lock';
export { BoundedSemaphore, Semaphore } from './synchronize/semaphore';

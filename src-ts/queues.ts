/** Queues between processes: CPython's multiprocessing/queues.py. */

export { JoinableQueue } from './queues/joinable-queue';
export { Queue } from './queues/queue';
export { SimpleQueue } from './queues/simple-queue';

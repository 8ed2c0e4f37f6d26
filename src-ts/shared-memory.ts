/** Shared memory by name: CPython's multiprocessing/shared_memory.py. */

export { SharedMemory, type SharedMemoryOptions } from './shared-memory/segment';
export {
  ShareableList,
  type ShareableListItem,
  type ShareableListOptions,
} from './shared-memory/list';

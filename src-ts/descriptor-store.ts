/** Descriptors on their way to whoever reads a message from a pipe, which cannot carry them. */

import { NotImplementedError } from './errors';

export function deposit(_fds: readonly number[]): Buffer {
  throw new NotImplementedError('a pipe cannot carry descriptors');
}

export function withdraw(_key: Uint8Array): number[] {
  throw new NotImplementedError('a pipe cannot carry descriptors');
}

/** What tests of connections share. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { posix as addon } from '../../dist/native';
import { Connection, Pipe } from 'multiproc';

/** The system calls of the addon, for bytes that no connection would send. */
export { addon };

/** Calls the function with both ends, and closes them. */
export async function withPipe<Result>(
  duplex: boolean,
  use: (first: Connection, second: Connection) => Result,
): Promise<Awaited<Result>> {
  const [first, second] = Pipe(duplex);
  try {
    return await use(first, second);
  } finally {
    first.close();
    second.close();
  }
}

/** The open descriptors, without those that wait for the garbage collector (pidfd) or for ever. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => !linkOf(fd).startsWith('anon_inode:'));
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // It was the directory's own.
    return 'anon_inode:';
  }
}

/** Bytes that differ from their neighbours. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

/** The flags of the open file, as fcntl(F_GETFL) tells them. */
export function flagsOf(fd: number): number {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  return parseInt(/^flags:\s+(\d+)/m.exec(info)![1]!, 8);
}

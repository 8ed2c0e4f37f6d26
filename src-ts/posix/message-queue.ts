/** Message queues, of Linux: whole messages, those of the highest priority first. */

import { checkedBoolean, withKnownNames } from '../arguments';
import { expected, NotImplementedError } from '../errors';
import { type MessageQueueAttributes, posix } from '../native';
import {
  checkedBytes,
  checkedInt,
  checkedName,
  checkedSeconds,
  checkedSize,
  checkedUnsigned,
} from './arguments';

export type { MessageQueueAttributes };

/** The limits of a new message queue. */
export interface MessageQueueSize {
  /** How many messages fit in. */
  maxmsg: number;
  /** How many bytes a message may have. */
  msgsize: number;
}

/**
 * Opens a message queue.
 * @param name A slash, and up to 255 bytes without one.
 * @param flags O_RDONLY, O_WRONLY or O_RDWR; O_CREAT, O_EXCL, O_NONBLOCK.
 * @param mode Permissions of a new one, less the umask.
 * @param size Limits of a new one. Default: those of /proc/sys/fs/mqueue.
 * @returns A descriptor, close-on-exec, which poll() takes too.
 * @throws FileNotFoundError, FileExistsError, PermissionError (also for a name with another slash);
 * OSError EINVAL for a name without slash or sizes that are out of range, ENAMETOOLONG, EMFILE,
 * ENOSPC, ENOSYS; NotImplementedError on macOS, like the other functions here.
 * @see https://man7.org/linux/man-pages/man3/mq_open.3.html
 */
export function mqOpen(name: string, flags: number, mode = 0o600, size?: MessageQueueSize): number {
  const { maxmsg, msgsize } = checkedLimits(size);
  return native().mqOpen(
    checkedName(name),
    checkedInt('flags', flags),
    checkedUnsigned('mode', mode),
    maxmsg,
    msgsize,
  );
}

/**
 * Closes a message queue in this process. The name keeps it, and what is in it.
 * @throws OSError EBADF.
 * @see https://man7.org/linux/man-pages/man3/mq_close.3.html
 */
export function mqClose(queue: number): void {
  native().close(checkedInt('queue', queue));
}

/**
 * Removes the name. The queue lives on while somebody has it open.
 * @throws FileNotFoundError, PermissionError.
 * @see https://man7.org/linux/man-pages/man3/mq_unlink.3.html
 */
export function mqUnlink(name: string): void {
  native().mqUnlink(checkedName(name));
}

/**
 * Sends a message; waits while the queue is full.
 * @param data A string is sent in UTF-8.
 * @param priority From 0 to MQ_PRIO_MAX - 1; higher ones are received first.
 * @param timeout Seconds, on the monotonic clock; null for ever.
 * @throws OSError ETIMEDOUT, EMSGSIZE, EBADF, EINVAL for the priority; BlockingIOError when the
 * queue is full and O_NONBLOCK.
 * @see https://man7.org/linux/man-pages/man3/mq_send.3.html
 */
export function mqSend(
  queue: number,
  data: string | NodeJS.ArrayBufferView,
  priority = 0,
  timeout: number | null = null,
): void {
  native().mqSend(
    checkedInt('queue', queue),
    checkedBytes('data', data),
    checkedUnsigned('priority', priority),
    checkedSeconds(timeout),
  );
}

/**
 * Receives the oldest message of the highest priority; waits while there is none.
 * @param timeout Seconds, on the monotonic clock; null for ever.
 * @throws OSError ETIMEDOUT, EBADF; BlockingIOError when the queue is empty and O_NONBLOCK.
 * @see https://man7.org/linux/man-pages/man3/mq_receive.3.html
 */
export function mqReceive(
  queue: number,
  timeout: number | null = null,
): [message: Buffer, priority: number] {
  return native().mqReceive(checkedInt('queue', queue), checkedSeconds(timeout));
}

/**
 * What a message queue is like.
 * @throws OSError EBADF.
 * @see https://man7.org/linux/man-pages/man3/mq_getattr.3.html
 */
export function mqGetattr(queue: number): MessageQueueAttributes {
  return native().mqGetattr(checkedInt('queue', queue));
}

/**
 * Sets the one attribute that can be set: whether this descriptor and its copies never wait.
 * @returns The attributes of before.
 * @throws OSError EBADF.
 * @see https://man7.org/linux/man-pages/man3/mq_getattr.3.html
 */
export function mqSetattr(queue: number, nonblock: boolean): MessageQueueAttributes {
  return native().mqSetattr(checkedInt('queue', queue), checkedBoolean('nonblock', nonblock));
}

function native(): typeof posix {
  if (process.platform === 'linux') return posix;
  throw new NotImplementedError(`${process.platform} has no message queues`);
}

function checkedLimits(size: unknown): Partial<MessageQueueSize> {
  if (size === undefined) return {};
  if (typeof size !== 'object' || size === null) {
    throw new TypeError(expected('an object { maxmsg, msgsize }', 'size', size));
  }
  const { maxmsg, msgsize } = withKnownNames('mqOpen', size as MessageQueueSize, [
    'maxmsg',
    'msgsize',
  ]);
  return { maxmsg: checkedSize('maxmsg', maxmsg), msgsize: checkedSize('msgsize', msgsize) };
}

/** The constants of C that the calls take; one that the platform does not have is undefined. */

import { constants } from 'node:fs';

import { posix } from '../native';

/** How something is opened. */
export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_NONBLOCK } = constants;
/** The descriptor does not stay open in programs that are started: O_CLOEXEC. */
export const { O_CLOEXEC } = posix;
/** Linux: each write to a pipe is read as one packet. */
export const { O_DIRECT } = constants;

/** What memory of mmap() is for. */
export const { PROT_READ, PROT_WRITE } = posix;
/** Who sees what is written to it, and that no file is behind it. */
export const { MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS } = posix;

/** What poll() waits for: something to read, urgent data, room to write. */
export const { POLLIN, POLLPRI, POLLOUT } = posix;
/** What poll() reports unasked: an error, the other end closed, not a descriptor. */
export const { POLLERR, POLLHUP, POLLNVAL } = posix;
/** Linux: the other end of a socket has finished writing. */
export const { POLLRDHUP } = posix;

/** Domain and types for socketpair(). */
export const { AF_UNIX, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET } = posix;

/** Commands of fcntl() for the flags of one descriptor, of which FD_CLOEXEC is the only one. */
export const { F_GETFD, F_SETFD, FD_CLOEXEC } = posix;
/** Commands of fcntl() for the flags that all copies share, such as O_NONBLOCK. */
export const { F_GETFL, F_SETFL } = posix;
/** Command of fcntl(): a copy of the descriptor, with a number not below the argument. */
export const { F_DUPFD_CLOEXEC } = posix;
/** Linux, commands of fcntl(): the bytes that fit in a pipe. */
export const { F_GETPIPE_SZ, F_SETPIPE_SZ } = posix;

/** The highest value of a semaphore. */
export const { SEM_VALUE_MAX } = posix;
/** Linux: priorities of messages are below this. */
export const { MQ_PRIO_MAX } = posix;

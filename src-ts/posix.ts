/**
 * The system calls themselves, for people who want exactly those: no Process, no clean event loop,
 * no hooks. They block in the kernel and are repeated after a signal. Failures throw an OSError.
 */

export * from './posix/constants';
export * from './posix/descriptor';
export * from './posix/message-queue';
export * from './posix/process';
export * from './posix/semaphore';
export * from './posix/shared-memory';
export * from './wait-status';
export { exitcodeOf as waitstatusToExitcode } from './wait-status';

/** Python raises these as OSError without a number; here they have the code that comes closest. */

import { constants } from 'node:os';

import { osError, type OSError } from '../errors';

function error(code: keyof typeof constants.errno, syscall: string, message: string): OSError {
  return osError({ errno: constants.errno[code], text: message, syscall, message });
}

export const handleIsClosed = (): OSError => error('EBADF', 'close', 'handle is closed');
export const isWriteOnly = (): OSError => error('EBADF', 'read', 'connection is write-only');
export const isReadOnly = (): OSError => error('EBADF', 'write', 'connection is read-only');
export const badMessageLength = (): OSError => error('EMSGSIZE', 'read', 'bad message length');
export const endWithinMessage = (): OSError =>
  error('EIO', 'read', 'got end of file during message');
export const outOfMemory = (length: number): OSError =>
  error('ENOMEM', 'read', `no memory for a message of ${length} bytes`);

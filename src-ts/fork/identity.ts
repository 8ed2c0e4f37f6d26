/** What names this process: its pid, and the channel to the program that spawned it. */

import { registerAtFork } from '../at-fork';
import { posix } from '../native';
import { main, realms } from '../realm';
import { replaceInChildren } from './replace';

/** `process.pid`, which Node has cached, in a child. */
export const pid = { get: (): number => posix.getpid(), enumerable: true, configurable: true };

for (const { process } of realms) replaceInChildren(process, 'pid', pid);

registerAtFork({
  child() {
    if (main.process.connected) closeChannel();
  },
});

/** The IPC channel of a program started by child_process.fork() is between those two. */
function closeChannel(): void {
  for (const { process } of realms) {
    for (const name of ['send', 'disconnect', 'channel', '_channel']) {
      Object.defineProperty(process, name, { value: undefined, configurable: true });
    }
    Object.defineProperty(process, 'connected', { value: false, configurable: true });
  }
}

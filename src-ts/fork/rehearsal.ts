/**
 * Functions of Node's own that every child calls: called once in the parent, they are compiled
 * when the child comes to them.
 */

import { AsyncResource, executionAsyncId, executionAsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';

import { main } from '../realm';

let done = false;

export function rehearse(): void {
  if (done) return;
  done = true;
  new AsyncResource('multiproc.rehearsal').runInAsyncScope(() => {
    executionAsyncResource();
    executionAsyncId();
  });
  const emitter = new EventEmitter();
  emitter.on('removeListener', () => {});
  emitter.on('event', () => {});
  emitter.eventNames();
  emitter.removeAllListeners('event');
  main.process.hasUncaughtExceptionCaptureCallback();
  main.process.listenerCount('exit');
  syncBuiltinESMExports();
}

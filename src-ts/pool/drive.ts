/** Blocking until tasks have ended: whoever waits does the pool's work, without the event loop. */

import { posix } from '../native';
import type { Crew } from './crew';
import type { Member } from './member';

/**
 * Serves the crews until the condition holds, for so many seconds at most.
 * @returns Whether it holds.
 */
export function drive(crews: ReadonlySet<Crew>, until: () => boolean, seconds: number): boolean {
  for (const crew of crews) crew.checkWaiting();
  return serveUntil(crews, until, seconds);
}

/** Like drive(), at the end of the program, which a hook of the codec may have brought about. */
export function driveAtEnd(crews: ReadonlySet<Crew>, until: () => boolean): void {
  for (const crew of crews) crew.leaveHooks();
  serveUntil(crews, until, Infinity);
}

function serveUntil(crews: ReadonlySet<Crew>, until: () => boolean, seconds: number): boolean {
  const end = performance.now() + seconds * 1000;
  if (until()) return true;
  for (const crew of crews) {
    // A callback that blocks comes here before its worker was given another task.
    crew.flush();
    if (crew.pending > 0) crew.dispatch();
  }
  for (;;) {
    if (until()) return true;
    for (const crew of crews) crew.flush();
    if (until()) return true;
    const left = end - performance.now();
    if (left <= 0) return until();
    serve(crews, Math.min(left, untilDeadline(crews)) / 1000);
  }
}

/** Waits until a worker has answered, for so many seconds; and reads what it has. */
function serve(crews: ReadonlySet<Crew>, seconds: number): void {
  const waited: [Crew, Member][] = [];
  for (const crew of crews) {
    for (const member of crew.members) if (member.busy) waited.push([crew, member]);
  }
  const pairs = new Int32Array(2 * waited.length);
  waited.forEach(([, { end }], index) => {
    const events = end.unwritten > 0 ? posix.POLLIN | posix.POLLOUT : posix.POLLIN;
    pairs.set([end.fd, events], 2 * index);
  });
  const ready = posix.poll(pairs, Math.max(seconds, 0));
  if (ready > 0) {
    waited.forEach(([crew, member], index) => {
      // What was called for one of them may have closed another.
      if (pairs[2 * index + 1] !== 0 && crew.members.has(member)) crew.service(member);
    });
  }
  for (const crew of crews) crew.checkDeadlines();
}

/** Milliseconds until a task has run for too long. */
function untilDeadline(crews: ReadonlySet<Crew>): number {
  const deadlines = [...crews].map((crew) => crew.deadline);
  return Math.min(...deadlines) - performance.now();
}

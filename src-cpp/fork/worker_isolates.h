// The isolates of worker threads. Their threads do not exist in a child, and must hold none of the
// locks that all isolates share at the moment of the fork.
#pragma once

#include <v8.h>

namespace multiproc {

// Called on the thread of the isolate.
void AddWorkerIsolate(v8::Isolate* isolate);
void RemoveWorkerIsolate(v8::Isolate* isolate);

// Waits until each worker thread is stopped where it runs JavaScript, or asleep. None can come or
// go until the release. A thread that is at something else for long (native code) is not waited
// for.
void ParkWorkerIsolates();
void ReleaseWorkerIsolates();
// In the child: there are none.
void ForgetWorkerIsolates();

}  // namespace multiproc

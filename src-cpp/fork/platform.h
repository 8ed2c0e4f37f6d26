// Leads V8's background work from Node's threads, which a fork loses, to a WorkerPool.
#pragma once

#include <v8.h>

#include "worker_pool.h"

namespace multiproc {

// Takes over the platform of this process; the first call does it, later ones find it done.
// Null when there is nothing to take over (node --v8-pool-size=0: nothing runs in the background).
WorkerPool* TakeOverPlatform(v8::Local<v8::Context> context);

}  // namespace multiproc

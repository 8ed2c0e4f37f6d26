// Blocking calls as promises. Not on libuv's thread pool, where four of them would stop `fs`.
#pragma once

#include <napi.h>

#include <functional>

namespace multiproc {

// Runs `call` on a thread of its own; the promise is fulfilled with its result. The event loop
// lives until then, and so does `kept`, whose memory the call may use. A null value and a pending
// error when there can be no more threads.
Napi::Value OnOwnThread(Napi::Env env, Napi::Value kept, std::function<int()> call);

}  // namespace multiproc

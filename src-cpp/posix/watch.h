// Waiting for a descriptor on the event loop.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterWatch(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

// Shared memory: POSIX shared memory objects and mappings.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterSharedMemory(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

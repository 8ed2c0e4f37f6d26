// Shared memory: POSIX shared memory objects and mappings.
#pragma once

#include <napi.h>

#include <memory>

namespace multiproc {

// Memory of mmap(), owned by whoever uses it: ArrayBuffers, handles, threads.
class Mapping;
using SharedMapping = std::shared_ptr<Mapping>;

// The mapping of a handle that JavaScript has from mmap().
SharedMapping MappingOf(Napi::Value handle);

void RegisterSharedMemory(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

// Descriptors: pipes and socket pairs, copies, reading, writing, waiting until one is ready.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterDescriptor(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

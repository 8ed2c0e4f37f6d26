// posix_spawn(3): another program, without a copy of this process's memory.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterSpawn(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

// Named semaphores.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterSemaphore(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

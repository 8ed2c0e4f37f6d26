// Processes: identity, signals, waiting.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterProcess(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

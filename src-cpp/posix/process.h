// Processes: identity, signals, waiting.
#pragma once

#include <napi.h>
#include <sys/types.h>

namespace multiproc {

// Whether there is no such process, or only its zombie.
bool HasEnded(pid_t pid);

void RegisterProcess(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

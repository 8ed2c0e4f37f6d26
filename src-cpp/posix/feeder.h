// The thread that writes what a process puts into a pipe, so that putting does not block.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterFeeder(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

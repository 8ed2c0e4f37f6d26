// What all processes that were forked from one another, and all their threads, have in common.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterProgram(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

// The constants that Node does not know.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterConstants(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

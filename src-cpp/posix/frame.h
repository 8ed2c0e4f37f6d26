// Messages on pipes and sockets, framed as CPython's connections frame them.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterFrame(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

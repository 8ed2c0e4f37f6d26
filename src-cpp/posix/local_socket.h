// Local (unix) sockets of the resource tracker.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterLocalSocket(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

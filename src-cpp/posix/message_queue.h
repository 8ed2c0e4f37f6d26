// Message queues, which Linux has and macOS has not.
#pragma once

#include <napi.h>

namespace multiproc {

void RegisterMessageQueue(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

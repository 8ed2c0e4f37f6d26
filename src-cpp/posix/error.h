// From errno to a JavaScript error.
#pragma once

#include <napi.h>

#include <cerrno>
#include <string>
#include <utility>

namespace multiproc {

void RegisterErrors(Napi::Env env, Napi::Object exports);

// Leaves an OSError pending: `error` is the errno that the caller saved right after the call.
void ThrowErrno(Napi::Env env, int error, const char* syscall, const std::string& path = "");

// Calls `call` until no signal interrupts it. The result is -1 with errno set, or not negative.
template <typename Call>
auto Retry(Call call) -> decltype(call()) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

}  // namespace multiproc

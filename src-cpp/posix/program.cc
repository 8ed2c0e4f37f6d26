#include "program.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <vector>

#include "error.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

std::mutex mutex;
std::vector<uint8_t> id;
// A pipe that nobody writes to. All processes of the program have both ends.
int ends[2];

int MakePipe() {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) < 0) return -1;
  for (const int fd : ends) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}

// program(candidate): [id, end]. The id of this program is the first candidate. `end` is a
// descriptor that is at its end, for a process outside of the program, when all processes of it
// have ended.
Value Program(const CallbackInfo& info) {
  const auto candidate = info[0].As<Napi::Uint8Array>();
  const std::lock_guard lock(mutex);
  if (id.empty()) {
    if (MakePipe() < 0) {
      ThrowErrno(info.Env(), errno, "pipe");
      return {};
    }
    id.assign(candidate.Data(), candidate.Data() + candidate.ByteLength());
  }
  auto result = Napi::Array::New(info.Env(), 2);
  result[0u] = Napi::Buffer<uint8_t>::Copy(info.Env(), id.data(), id.size());
  result[1u] = Number::New(info.Env(), ends[0]);
  return result;
}

}  // namespace

void RegisterProgram(Napi::Env env, Napi::Object exports) {
  exports.Set("program", Napi::Function::New(env, Program, "program"));
}

}  // namespace multiproc

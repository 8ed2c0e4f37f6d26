#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "error.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#else
#include <pthread.h>
#endif

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

int IntAt(const CallbackInfo& info, size_t index) { return info[index].As<Number>().Int32Value(); }

Value Getpid(const CallbackInfo& info) { return Number::New(info.Env(), getpid()); }

Value Getppid(const CallbackInfo& info) { return Number::New(info.Env(), getppid()); }

// waitpid(pid, options): [pid, status].
Value Waitpid(const CallbackInfo& info) {
  int status = 0;
  const pid_t pid = Retry([&] { return waitpid(IntAt(info, 0), &status, IntAt(info, 1)); });
  if (pid < 0) {
    ThrowErrno(info.Env(), errno, "waitpid");
    return {};
  }
  auto result = Napi::Array::New(info.Env(), 2);
  result[0u] = Number::New(info.Env(), pid);
  result[1u] = Number::New(info.Env(), status);
  return result;
}

void Kill(const CallbackInfo& info) {
  if (kill(IntAt(info, 0), IntAt(info, 1)) < 0) ThrowErrno(info.Env(), errno, "kill");
}

void Exit(const CallbackInfo& info) { _exit(IntAt(info, 0)); }

// pidfdOpen(pid): a descriptor that becomes readable when the process has ended.
Value PidfdOpen(const CallbackInfo& info) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, IntAt(info, 0), 0));
#else
  const int fd = -1;
  errno = ENOSYS;
#endif
  if (fd < 0) {
    ThrowErrno(info.Env(), errno, "pidfd_open");
    return {};
  }
  return Number::New(info.Env(), fd);
}

// setParentDeathSignal(signal): the kernel sends it when the parent has ended.
void SetParentDeathSignal(const CallbackInfo& info) {
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, IntAt(info, 0)) < 0) ThrowErrno(info.Env(), errno, "prctl");
#else
  ThrowErrno(info.Env(), ENOSYS, "prctl");
#endif
}

// setThreadName(name): what `ps -o comm` shows; the kernel cuts it at 15 bytes.
void SetThreadName(const CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
#ifdef __linux__
  prctl(PR_SET_NAME, name.c_str());
#else
  pthread_setname_np(name.c_str());
#endif
}

// keepFreedMemory(size): mallopt(3), where there is one.
void KeepFreedMemory(const CallbackInfo& info) {
#ifdef __GLIBC__
  const int size = IntAt(info, 0);
  mallopt(M_MMAP_THRESHOLD, size);
  mallopt(M_TRIM_THRESHOLD, 2 * size);
#endif
}

Value HasEndedAt(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), HasEnded(IntAt(info, 0)));
}

}  // namespace

#ifdef __linux__
namespace {

// The main thread is a zombie a little before the others, which may still be in a system call.
bool IsZombie(const char* status) {
  int threads = 0;
  sscanf(status + 1, " %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
         &threads);
  return *status == 'X' || (*status == 'Z' && threads <= 1);
}

}  // namespace
#endif

bool HasEnded(pid_t pid) {
  if (kill(pid, 0) < 0) return errno == ESRCH;
#ifdef __linux__
  // A zombie can still get signals.
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT;
  char text[512];
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return size < 0 && errno == ESRCH;
  text[size] = '\0';
  // "pid (name) state ...": the name may hold anything.
  const char* const end_of_name = strrchr(text, ')');
  return end_of_name != nullptr && IsZombie(end_of_name + 2);
#else
  return false;
#endif
}

void RegisterProcess(Napi::Env env, Napi::Object exports) {
  exports.Set("getpid", Napi::Function::New(env, Getpid, "getpid"));
  exports.Set("getppid", Napi::Function::New(env, Getppid, "getppid"));
  exports.Set("waitpid", Napi::Function::New(env, Waitpid, "waitpid"));
  exports.Set("kill", Napi::Function::New(env, Kill, "kill"));
  exports.Set("hasEnded", Napi::Function::New(env, HasEndedAt, "hasEnded"));
  exports.Set("keepFreedMemory", Napi::Function::New(env, KeepFreedMemory, "keepFreedMemory"));
  exports.Set("exit", Napi::Function::New(env, Exit, "exit"));
  exports.Set("pidfdOpen", Napi::Function::New(env, PidfdOpen, "pidfdOpen"));
  exports.Set("setParentDeathSignal",
              Napi::Function::New(env, SetParentDeathSignal, "setParentDeathSignal"));
  exports.Set("setThreadName", Napi::Function::New(env, SetThreadName, "setThreadName"));
}

}  // namespace multiproc

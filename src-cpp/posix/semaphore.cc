#include "semaphore.h"

#include <fcntl.h>
#include <semaphore.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "deadline.h"
#include "error.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 30)
#define MULTIPROC_HAS_SEM_CLOCKWAIT
#endif

namespace multiproc {
namespace {

using Napi::Boolean;
using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

// One sem_open(), undone once: by semClose() or by the garbage collector.
class Semaphore {
 public:
  Semaphore(std::string name, sem_t* sem) : name_(std::move(name)), sem_(sem) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  ~Semaphore() {
    if (sem_ != SEM_FAILED) sem_close(sem_);
  }

  int Close() { return sem_close(std::exchange(sem_, SEM_FAILED)); }

  const std::string& name() const { return name_; }
  sem_t* sem() const { return sem_; }

 private:
  const std::string name_;
  sem_t* sem_;
};

Semaphore& SemaphoreOf(const CallbackInfo& info) {
  return *info[0].As<Napi::External<Semaphore>>().Data();
}

// The result of `call` with the semaphore; one that is closed is not valid: EINVAL. Its failure is
// thrown, unless errno is `expected`.
template <typename Call>
int WithOpen(const CallbackInfo& info, const char* syscall, int expected, Call call) {
  Semaphore& semaphore = SemaphoreOf(info);
  const bool open = semaphore.sem() != SEM_FAILED;
  const int result = open ? Retry([&] { return call(semaphore.sem()); }) : -1;
  const int error = open ? errno : EINVAL;
  if (result < 0 && error != expected) {
    ThrowErrno(info.Env(), error, syscall, semaphore.name());
  }
  return result;
}

// semOpen(name, flags, mode, value)
Value SemOpen(const CallbackInfo& info) {
  std::string name = info[0].As<Napi::String>();
  const int flags = info[1].As<Number>();
  const auto mode = info[2].As<Number>().Uint32Value();
  const auto value = info[3].As<Number>().Uint32Value();
  sem_t* sem;
  do {
    sem = sem_open(name.c_str(), flags, mode, value);
  } while (sem == SEM_FAILED && errno == EINTR);
  if (sem == SEM_FAILED) {
    ThrowErrno(info.Env(), errno, "sem_open", name);
    return {};
  }
  auto semaphore = std::make_unique<Semaphore>(std::move(name), sem);
  return Napi::External<Semaphore>::New(info.Env(), semaphore.release(),
                                        [](Napi::Env, Semaphore* closed) { delete closed; });
}

void SemClose(const CallbackInfo& info) {
  WithOpen(info, "sem_close", 0, [&](sem_t*) { return SemaphoreOf(info).Close(); });
}

void SemUnlink(const CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  if (sem_unlink(name.c_str()) < 0) ThrowErrno(info.Env(), errno, "sem_unlink", name);
}

void SemWait(const CallbackInfo& info) { WithOpen(info, "sem_wait", 0, sem_wait); }

// semTrywait(sem): false when it would have to wait.
Value SemTrywait(const CallbackInfo& info) {
  const bool taken = WithOpen(info, "sem_trywait", EAGAIN, sem_trywait) == 0;
  return Boolean::New(info.Env(), taken);
}

#ifdef MULTIPROC_HAS_SEM_CLOCKWAIT

int WaitUntil(sem_t* sem, Deadline deadline) {
  const auto end = deadline.time_since_epoch().count();
  const timespec time{static_cast<time_t>(end / 1'000'000'000), end % 1'000'000'000};
  return sem_clockwait(sem, CLOCK_MONOTONIC, &time);
}

#else

// macOS has no timed wait, and that of others goes by the time of day: looks every 1 to 20 ms.
int WaitUntil(sem_t* sem, Deadline deadline) {
  for (int pause = 1;; pause = std::min(2 * pause, 20)) {
    if (sem_trywait(sem) == 0) return 0;
    if (errno != EAGAIN) return -1;
    if (HasPassed(deadline)) break;
    const timespec time{0, std::min(pause, MillisecondsUntil(deadline)) * 1'000'000L};
    nanosleep(&time, nullptr);
  }
  errno = ETIMEDOUT;
  return -1;
}

#endif

// semTimedwait(sem, seconds): false after that time.
Value SemTimedwait(const CallbackInfo& info) {
  const Deadline deadline = After(info[1].As<Number>());
  const int result = WithOpen(info, "sem_timedwait", ETIMEDOUT, [&](sem_t* sem) {
    return deadline == kNever ? sem_wait(sem) : WaitUntil(sem, deadline);
  });
  return Boolean::New(info.Env(), result == 0);
}

void SemPost(const CallbackInfo& info) { WithOpen(info, "sem_post", 0, sem_post); }

#ifndef __APPLE__
Value SemGetvalue(const CallbackInfo& info) {
  int value = 0;
  WithOpen(info, "sem_getvalue", 0, [&](sem_t* sem) { return sem_getvalue(sem, &value); });
  return Number::New(info.Env(), value);
}
#endif

}  // namespace

void RegisterSemaphore(Napi::Env env, Napi::Object exports) {
  exports.Set("semOpen", Napi::Function::New(env, SemOpen, "semOpen"));
  exports.Set("semClose", Napi::Function::New(env, SemClose, "semClose"));
  exports.Set("semUnlink", Napi::Function::New(env, SemUnlink, "semUnlink"));
  exports.Set("semWait", Napi::Function::New(env, SemWait, "semWait"));
  exports.Set("semTrywait", Napi::Function::New(env, SemTrywait, "semTrywait"));
  exports.Set("semTimedwait", Napi::Function::New(env, SemTimedwait, "semTimedwait"));
  exports.Set("semPost", Napi::Function::New(env, SemPost, "semPost"));
#ifndef __APPLE__
  exports.Set("semGetvalue", Napi::Function::New(env, SemGetvalue, "semGetvalue"));
#endif
}

}  // namespace multiproc

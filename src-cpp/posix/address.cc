#include "address.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <string>

#include "own_thread.h"

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;
using std::chrono::duration_cast;
using std::chrono::nanoseconds;

timespec Timespec(nanoseconds time) {
  const auto left = std::max<int64_t>(time.count(), 0);
  return {static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
}

#ifdef __linux__

// Not FUTEX_PRIVATE_FLAG: the word is shared by processes. The timeout is of the monotonic clock.
void FutexWait(Word& word, int32_t value, Deadline deadline) {
  timespec left = Timespec(deadline - Clock::now());
  syscall(SYS_futex, &word, FUTEX_WAIT, value, deadline == kNever ? nullptr : &left, nullptr, 0);
}

int FutexWake(Word& word, int count) {
  const long woken = syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  return static_cast<int>(std::max(woken, 0L));
}

bool HasFutex() { return getenv("MULTIPROC_NO_FUTEX") == nullptr; }

#else

void FutexWait(Word&, int32_t, Deadline) {}
int FutexWake(Word&, int) { return 0; }
bool HasFutex() { return false; }

#endif

// The portable way: everybody in the program who waits for any word sleeps at one semaphore, made
// when the addon is loaded and inherited by all. Whoever changes a word lets everybody look again.
// A token more or less, left by a process that was killed, costs time only: nobody sleeps long
// without looking.
class Lobby {
 public:
  Lobby() : sleepers_(SharedWord()), semaphore_(Unnamed()) {}

  void Wait(Word& word, int32_t value, Deadline deadline) {
    sleepers_.fetch_add(1);
    while (word.load() == value && Clock::now() < deadline) {
      Sleep(std::min(deadline - Clock::now(), kLongest));
    }
    sleepers_.fetch_sub(1);
  }

  void WakeAll() {
    for (int left = std::min(sleepers_.load(), kMost); left > 0; --left) sem_post(semaphore_);
  }

 private:
  static constexpr Clock::duration kLongest = std::chrono::milliseconds(10);
  static constexpr int kMost = 1000;

  static Word& SharedWord() {
    constexpr int protection = PROT_READ | PROT_WRITE;
    void* page = mmap(nullptr, sizeof(Word), protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) abort();
    return *new (page) Word(0);
  }

  // Its name is gone at once: what the descendants inherit is the mapping.
  static sem_t* Unnamed() {
    for (int attempt = 0; attempt < 100; ++attempt) {
      const auto name = "/mp-" + std::to_string(getpid()) + "-" + std::to_string(attempt);
      sem_t* semaphore = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 0);
      if (semaphore == SEM_FAILED) continue;
      sem_unlink(name.c_str());
      return semaphore;
    }
    abort();
  }

  void Sleep(Clock::duration time) {
#ifdef __linux__
    const timespec until = Timespec((Clock::now() + time).time_since_epoch());
    sem_clockwait(semaphore_, CLOCK_MONOTONIC, &until);
#else
    // There is no sem_timedwait() there.
    const timespec pause = Timespec(std::min<nanoseconds>(time, std::chrono::milliseconds(1)));
    if (sem_trywait(semaphore_) < 0) nanosleep(&pause, nullptr);
#endif
  }

  Word& sleepers_;
  sem_t* const semaphore_;
};

Lobby* const lobby = HasFutex() ? nullptr : new Lobby;

// waitWhile(words, index, value, seconds): may return early.
void WaitWhileWord(const CallbackInfo& info) {
  WaitWhile(WordAt(info), info[2].As<Number>(), After(info[3].As<Number>()));
}

// The same as a promise.
Value WaitWhileAsync(const CallbackInfo& info) {
  Word& word = WordAt(info);
  const int32_t value = info[2].As<Number>();
  const Deadline deadline = After(info[3].As<Number>());
  return OnOwnThread(info.Env(), info[0], [&word, value, deadline] {
    WaitWhile(word, value, deadline);
    return 0;
  });
}

// wake(words, index, count): how many were woken, as far as it is known.
Value WakeWord(const CallbackInfo& info) {
  return Number::New(info.Env(), Wake(WordAt(info), info[2].As<Number>()));
}

}  // namespace

void WaitWhile(Word& word, int32_t value, Deadline deadline) {
  if (lobby != nullptr) return lobby->Wait(word, value, deadline);
  FutexWait(word, value, deadline);
}

int Wake(Word& word, int count) {
  if (lobby == nullptr) return FutexWake(word, count);
  lobby->WakeAll();
  return 0;
}

Word& WordAt(const CallbackInfo& info, size_t argument) {
  void* data = nullptr;
  napi_get_typedarray_info(info.Env(), info[argument], nullptr, nullptr, &data, nullptr, nullptr);
  return static_cast<Word*>(data)[info[argument + 1].As<Number>().Uint32Value()];
}

void RegisterAddress(Napi::Env env, Napi::Object exports) {
  exports.Set("waitWhile", Napi::Function::New(env, WaitWhileWord, "waitWhile"));
  exports.Set("waitWhileAsync", Napi::Function::New(env, WaitWhileAsync, "waitWhileAsync"));
  exports.Set("wake", Napi::Function::New(env, WakeWord, "wake"));
}

}  // namespace multiproc

#include "lock.h"

#include <algorithm>
#include <chrono>

#include "own_thread.h"
#include "process.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;
using namespace std::chrono_literals;

// How long somebody sleeps before looking whether the one who should wake him was killed.
constexpr Clock::duration kFirstNap = 5ms;
constexpr Clock::duration kLongestNap = 320ms;

// A lock is mostly held for less time than it takes to fall asleep.
constexpr int kSpins = 100;

void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Sleeps until the word, which was `value`, is changed, in naps that grow. True when nobody woke
// it.
class Sleeper {
 public:
  Sleeper(Word& word, Deadline deadline) : word_(word), deadline_(deadline) {}

  bool Nap(int32_t value) {
    const int32_t marked = value | kWaiters;
    if (value != marked && !word_.compare_exchange_strong(value, marked)) return false;
    const Deadline end = std::min(deadline_, Clock::now() + nap_);
    WaitWhile(word_, marked, end);
    nap_ = std::min(nap_ * 2, kLongestNap);
    return Clock::now() >= end;
  }

 private:
  Word& word_;
  const Deadline deadline_;
  Clock::duration nap_ = kFirstNap;
};

// lockAcquire(words, index, owner, seconds): 0, 1, or 2 when the last owner died.
Value LockAcquire(const CallbackInfo& info) {
  const int32_t owner = info[2].As<Number>();
  const Acquired acquired = AcquireLock(WordAt(info), owner, After(info[3].As<Number>()));
  return Number::New(info.Env(), static_cast<int>(acquired));
}

Value LockAcquireAsync(const CallbackInfo& info) {
  Word& word = WordAt(info);
  const int32_t owner = info[2].As<Number>();
  const Deadline deadline = After(info[3].As<Number>());
  return OnOwnThread(info.Env(), info[0], [&word, owner, deadline] {
    return static_cast<int>(AcquireLock(word, owner, deadline));
  });
}

// semaphoreAcquire(words, index, seconds): 0 or 1.
Value SemaphoreAcquire(const CallbackInfo& info) {
  const bool acquired = AcquireSemaphore(WordAt(info), After(info[2].As<Number>()));
  return Number::New(info.Env(), acquired ? 1 : 0);
}

Value SemaphoreAcquireAsync(const CallbackInfo& info) {
  Word& word = WordAt(info);
  const Deadline deadline = After(info[2].As<Number>());
  return OnOwnThread(info.Env(), info[0],
                     [&word, deadline] { return AcquireSemaphore(word, deadline) ? 1 : 0; });
}

}  // namespace

Acquired AcquireLock(Word& word, int32_t owner, Deadline deadline) {
  // Who has slept cannot know whether others still do.
  int32_t mine = owner;
  bool overslept = Clock::now() >= deadline;
  Sleeper sleeper(word, deadline);
  for (int spins = overslept ? 0 : kSpins;;) {
    int32_t value = 0;
    if (word.compare_exchange_strong(value, mine)) return Acquired::kYes;
    if (spins > 0) {
      --spins;
      Relax();
      continue;
    }
    mine = owner | kWaiters;
    if (overslept && HasEnded(value & ~kWaiters) && word.compare_exchange_strong(value, mine)) {
      return Acquired::kOwnerDied;
    }
    if (Clock::now() >= deadline) return Acquired::kNo;
    overslept = sleeper.Nap(value);
  }
}

void ReleaseLock(Word& word) {
  if (word.exchange(0) & kWaiters) Wake(word, 1);
}

bool AcquireSemaphore(Word& word, Deadline deadline) {
  Sleeper sleeper(word, deadline);
  for (;;) {
    int32_t value = word.load();
    if ((value & ~kWaiters) > 0) {
      if (word.compare_exchange_strong(value, value - 1)) return true;
    } else if (Clock::now() >= deadline) {
      return false;
    } else {
      sleeper.Nap(value);
    }
  }
}

void RegisterLock(Napi::Env env, Napi::Object exports) {
  exports.Set("lockAcquire", Napi::Function::New(env, LockAcquire, "lockAcquire"));
  exports.Set("lockAcquireAsync", Napi::Function::New(env, LockAcquireAsync, "lockAcquireAsync"));
  exports.Set("semaphoreAcquire", Napi::Function::New(env, SemaphoreAcquire, "semaphoreAcquire"));
  exports.Set("semaphoreAcquireAsync",
              Napi::Function::New(env, SemaphoreAcquireAsync, "semaphoreAcquireAsync"));
}

}  // namespace multiproc

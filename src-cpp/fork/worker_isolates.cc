#include "worker_isolates.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

namespace multiproc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::milliseconds(200);
constexpr auto kLongSleep = std::chrono::milliseconds(10);
constexpr auto kPause = std::chrono::microseconds(100);

long ThreadId() {
#ifdef __linux__
  return syscall(SYS_gettid);
#else
  return 0;
#endif
}

struct Worker {
  v8::Isolate* isolate;
  long thread;
  bool stopped = false;
  // The system call that it sleeps in, as the kernel describes it, and since when it is that one.
  std::string sleep = {};
  Clock::time_point since = {};
};

// Made anew in a child, where the locks of this one are as the fork left them.
struct Workers {
  // Held while the workers are parked.
  std::mutex membership;
  std::vector<Worker> all;

  std::mutex gate_mutex;
  std::condition_variable gate_moved;
  // The parking that is under way, counted from 1; 0 when there is none.
  uintptr_t parking = 0;
  uintptr_t last_parking = 0;
};

Workers* workers = new Workers;

Worker* Find(v8::Isolate* isolate) {
  auto found = std::find_if(workers->all.begin(), workers->all.end(),
                            [isolate](const Worker& worker) { return worker.isolate == isolate; });
  return found == workers->all.end() ? nullptr : &*found;
}

// On the worker's thread, between two steps of its JavaScript. It may come long after the parking
// that asked for it.
void StopHere(v8::Isolate* isolate, void* parking) {
  std::unique_lock lock(workers->gate_mutex);
  const auto asked_by = reinterpret_cast<uintptr_t>(parking);
  if (workers->parking != asked_by) return;
  Find(isolate)->stopped = true;
  workers->gate_moved.notify_all();
  workers->gate_moved.wait(lock, [asked_by] { return workers->parking != asked_by; });
}

#ifdef __linux__
// "232 0x5 0x7f... " with the number and the arguments of the system call, or "running".
std::string SystemCallOf(long thread) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/self/task/%ld/syscall", thread);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "ended";
  const ssize_t size = read(fd, text, sizeof text);
  close(fd);
  return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
}

// Waiting for events, it holds nothing. But whoever waits for a futex may be amid a garbage
// collection, whose other threads take a moment; only if it stays there it waits for JavaScript of
// somebody else's (Atomics.wait).
bool IsAsleep(Worker& worker) {
  std::string call = SystemCallOf(worker.thread);
  if (call.starts_with("running")) return false;
  if (atol(call.c_str()) != SYS_futex) return true;
  if (call != worker.sleep) {
    worker.sleep = std::move(call);
    worker.since = Clock::now();
  }
  return Clock::now() - worker.since > kLongSleep;
}
#else
bool IsAsleep(Worker&) { return false; }
#endif

bool AllAtRest() {
  return std::all_of(workers->all.begin(), workers->all.end(),
                     [](Worker& worker) { return worker.stopped || IsAsleep(worker); });
}

}  // namespace

void AddWorkerIsolate(v8::Isolate* isolate) {
  std::lock_guard lock(workers->membership);
  workers->all.push_back({isolate, ThreadId()});
}

void RemoveWorkerIsolate(v8::Isolate* isolate) {
  std::lock_guard lock(workers->membership);
  std::erase_if(workers->all, [isolate](const Worker& w) { return w.isolate == isolate; });
}

void ParkWorkerIsolates() {
  workers->membership.lock();
  if (workers->all.empty()) return;
  std::unique_lock lock(workers->gate_mutex);
  workers->parking = ++workers->last_parking;
  for (Worker& worker : workers->all) {
    worker.stopped = false;
    worker.sleep.clear();
    worker.isolate->RequestInterrupt(StopHere, reinterpret_cast<void*>(workers->parking));
  }
  const auto deadline = Clock::now() + kPatience;
  while (!AllAtRest() && Clock::now() < deadline) workers->gate_moved.wait_for(lock, kPause);
}

void ReleaseWorkerIsolates() {
  {
    std::lock_guard lock(workers->gate_mutex);
    workers->parking = 0;
  }
  workers->gate_moved.notify_all();
  workers->membership.unlock();
}

void ForgetWorkerIsolates() { workers = new Workers; }

}  // namespace multiproc

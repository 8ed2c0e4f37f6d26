// V8's background work on threads that a fork can stop and start again.
#pragma once

#include <v8-platform.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

namespace multiproc {

class WorkerPool {
 public:
  using Clock = std::chrono::steady_clock;

  explicit WorkerPool(int max_threads);
  // Lives until the process ends: its threads may still be waiting on it then.
  ~WorkerPool() = delete;

  // `drained`: whether Drain() waits for this task.
  void Post(std::unique_ptr<v8::Task> task, v8::TaskPriority priority, bool drained);
  void PostDelayed(std::unique_ptr<v8::Task> task, v8::TaskPriority priority,
                   double delay_in_seconds);

  // Waits until no drained task is queued or running; false when `patience` ends first.
  bool Drain(Clock::duration patience);

  // Closes the gate and waits until no thread is inside a task. On success the pool's mutex stays
  // locked, so that fork() copies it in a known state; false when `patience` ends first (the gate
  // stays closed: call again).
  bool Park(Clock::duration patience);
  // In the parent: opens the gate again.
  void Unpark();
  // In the child, where the threads do not exist: queued tasks stay queued and get new threads.
  void RestartInChild();

 private:
  static constexpr int kPriorities = static_cast<int>(v8::TaskPriority::kUserBlocking) + 1;

  struct Entry {
    std::unique_ptr<v8::Task> task;
    bool drained = false;
  };
  struct Delayed {
    Entry entry;
    v8::TaskPriority priority;
  };
  // Made anew in a child: an inherited mutex must be neither unlocked nor destroyed there.
  struct Sync {
    std::mutex mutex;
    std::condition_variable work;
    std::condition_variable settled;
  };

  static void RunThread(void* pool);
  void WorkLoop();
  void RunTask(std::unique_lock<std::mutex>& lock);
  void Push(Entry entry, v8::TaskPriority priority);
  void WakeOrSpawn();
  void ReleaseDueTasks();
  void WaitForWork(std::unique_lock<std::mutex>& lock);
  bool HasReadyTask() const;
  Entry PopReadyTask();

  const int max_threads_;
  Sync* sync_ = new Sync;
  std::array<std::deque<Entry>, kPriorities> ready_;
  std::multimap<Clock::time_point, Delayed> delayed_;
  int threads_ = 0;
  int idle_ = 0;
  int running_ = 0;
  int undrained_ = 0;
  bool gate_closed_ = false;
};

}  // namespace multiproc

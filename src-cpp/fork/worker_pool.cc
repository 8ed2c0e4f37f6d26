#include "worker_pool.h"

#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include <algorithm>

namespace multiproc {

WorkerPool::WorkerPool(int max_threads) : max_threads_(max_threads) {}

void WorkerPool::Post(std::unique_ptr<v8::Task> task, v8::TaskPriority priority, bool drained) {
  std::lock_guard lock(sync_->mutex);
  Push({std::move(task), drained}, priority);
  WakeOrSpawn();
}

void WorkerPool::PostDelayed(std::unique_ptr<v8::Task> task, v8::TaskPriority priority,
                             double delay_in_seconds) {
  const auto delay = std::chrono::duration<double>(std::max(delay_in_seconds, 0.0));
  const auto due = Clock::now() + std::chrono::duration_cast<Clock::duration>(delay);
  std::lock_guard lock(sync_->mutex);
  delayed_.emplace(due, Delayed{{std::move(task), false}, priority});
  WakeOrSpawn();
}

bool WorkerPool::Drain(Clock::duration patience) {
  std::unique_lock lock(sync_->mutex);
  // At the limit of processes there may be no thread at all.
  while (threads_ == 0 && undrained_ > 0 && HasReadyTask()) RunTask(lock);
  return sync_->settled.wait_for(lock, patience, [this] { return undrained_ == 0; });
}

bool WorkerPool::Park(Clock::duration patience) {
  std::unique_lock lock(sync_->mutex);
  gate_closed_ = true;
  if (!sync_->settled.wait_for(lock, patience, [this] { return running_ == 0; })) return false;
  lock.release();
  return true;
}

void WorkerPool::Unpark() {
  gate_closed_ = false;
  sync_->work.notify_all();
  sync_->mutex.unlock();
}

void WorkerPool::RestartInChild() {
  sync_ = new Sync;
  threads_ = idle_ = running_ = 0;
  gate_closed_ = false;
  std::lock_guard lock(sync_->mutex);
  if (HasReadyTask() || !delayed_.empty()) WakeOrSpawn();
}

void WorkerPool::Push(Entry entry, v8::TaskPriority priority) {
  if (entry.drained) ++undrained_;
  const int index = std::clamp(static_cast<int>(priority), 0, kPriorities - 1);
  ready_[index].push_back(std::move(entry));
}

// Threads are made when work comes: most forked children never have any.
void WorkerPool::WakeOrSpawn() {
  if (idle_ > 0 || threads_ == max_threads_) {
    sync_->work.notify_one();
    return;
  }
  // Signals belong to the main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  uv_thread_t thread;
  // libuv's threads have the stack size that V8's compilers need, on musl too.
  if (uv_thread_create(&thread, RunThread, this) == 0) {
    ++threads_;
    pthread_detach(thread);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void WorkerPool::RunThread(void* pool) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), "V8Worker");
#endif
  static_cast<WorkerPool*>(pool)->WorkLoop();
}

void WorkerPool::WorkLoop() {
  std::unique_lock lock(sync_->mutex);
  for (;;) {
    ReleaseDueTasks();
    if (gate_closed_ || !HasReadyTask()) {
      WaitForWork(lock);
      continue;
    }
    RunTask(lock);
  }
}

void WorkerPool::RunTask(std::unique_lock<std::mutex>& lock) {
  Entry entry = PopReadyTask();
  ++running_;
  lock.unlock();
  entry.task->Run();
  // A task may take V8's locks while it is destroyed: it counts as running until then.
  entry.task.reset();
  lock.lock();
  --running_;
  if (entry.drained) --undrained_;
  if (running_ == 0 || undrained_ == 0) sync_->settled.notify_all();
}

void WorkerPool::ReleaseDueTasks() {
  const auto now = Clock::now();
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    auto node = delayed_.extract(delayed_.begin());
    Push(std::move(node.mapped().entry), node.mapped().priority);
  }
}

void WorkerPool::WaitForWork(std::unique_lock<std::mutex>& lock) {
  ++idle_;
  if (delayed_.empty() || gate_closed_) {
    sync_->work.wait(lock);
  } else {
    // A copy: another thread may take the task before this one wakes up.
    const Clock::time_point due = delayed_.begin()->first;
    sync_->work.wait_until(lock, due);
  }
  --idle_;
}

bool WorkerPool::HasReadyTask() const {
  return std::any_of(ready_.begin(), ready_.end(), [](auto& queue) { return !queue.empty(); });
}

WorkerPool::Entry WorkerPool::PopReadyTask() {
  auto queue = std::find_if(ready_.rbegin(), ready_.rend(), [](auto& q) { return !q.empty(); });
  Entry entry = std::move(queue->front());
  queue->pop_front();
  return entry;
}

}  // namespace multiproc

#include "feeder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cells.h"
#include "error.h"
#include "own_thread.h"
#include "shared_memory.h"
#include "thread.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

// A copy of a descriptor, which stays open as long as there is something to write.
int Copy(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }

// Shared by its thread and by JavaScript. In a forked child the thread does not exist: there
// nothing here is touched but the descriptors, and nothing is destroyed.
class Feeder {
 public:
  // `read_fd`: kept open too, as the last writer of a pipe without readers would get EPIPE.
  // `memory`: where the lock is.
  Feeder(int read_fd, int write_fd, Word& lock, SharedMapping memory)
      : pid_(getpid()),
        read_fd_(Copy(read_fd)),
        write_fd_(Copy(write_fd)),
        lock_(lock),
        memory_(std::move(memory)) {}

  bool IsOpen() const { return read_fd_ >= 0 && write_fd_ >= 0; }
  bool IsOurs() const { return pid_ == getpid(); }

  void Put(const uint8_t* message, size_t length) {
    const auto size = static_cast<uint32_t>(length);
    const auto* head = reinterpret_cast<const uint8_t*>(&size);
    std::unique_lock guard(mutex_);
    const bool idle = pending_.empty();
    pending_.insert(pending_.end(), head, head + sizeof size);
    pending_.insert(pending_.end(), message, message + length);
    guard.unlock();
    if (idle) changed_.notify_all();
  }

  // No more is put; the thread ends when all is written.
  void Close() {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // Waits until all is written: 0, the errno of the first write that failed, or -1 by the deadline.
  int Join(Deadline deadline) {
    std::unique_lock guard(mutex_);
    const auto ended = [this] { return ended_; };
    if (!ended_ && HasPassed(deadline)) return -1;
    if (deadline == Deadline::max()) {
      changed_.wait(guard, ended);
    } else if (!changed_.wait_until(guard, deadline, ended)) {
      return -1;
    }
    return error_;
  }

  // From now on a write fails if no other process has the reading end.
  void StopReading() {
    const std::lock_guard guard(mutex_);
    if (read_fd_ >= 0) close(read_fd_);
    read_fd_ = -1;
  }

  void CloseDescriptors() {
    for (int* fd : {&read_fd_, &write_fd_}) {
      if (*fd >= 0) close(*fd);
      *fd = -1;
    }
  }

  // The thread.
  void Run() {
    auto writer = std::make_unique<CellWriter>(write_fd_, lock_, pid_);
    std::vector<uint8_t> batch;
    while (Take(batch)) Write(*writer, batch);
    const std::lock_guard guard(mutex_);
    CloseDescriptors();
    ended_ = true;
    changed_.notify_all();
  }

 private:
  // Waits for messages. False when there will be none.
  bool Take(std::vector<uint8_t>& batch) {
    batch.clear();
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return closed_ || !pending_.empty(); });
    batch.swap(pending_);
    // What was large once is not kept.
    if (pending_.capacity() > kKept) pending_.shrink_to_fit();
    return !batch.empty();
  }

  void Write(CellWriter& writer, const std::vector<uint8_t>& batch) {
    int error = 0;
    for (size_t at = 0; at < batch.size() && error == 0;) {
      uint32_t length;
      memcpy(&length, &batch[at], sizeof length);
      at += sizeof length;
      error = writer.Add(batch.data() + at, length);
      at += length;
    }
    const int flushed = writer.Flush();
    const std::lock_guard guard(mutex_);
    if (error_ == 0) error_ = error != 0 ? error : flushed;
  }

  static constexpr size_t kKept = 1024 * 1024;

  const pid_t pid_;
  int read_fd_;
  int write_fd_;
  Word& lock_;
  const SharedMapping memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<uint8_t> pending_;
  bool closed_ = false;
  bool ended_ = false;
  int error_ = 0;
};

using SharedFeeder = std::shared_ptr<Feeder>;

SharedFeeder& FeederAt(const CallbackInfo& info) {
  return *info[0].As<Napi::External<SharedFeeder>>().Data();
}

void Forget(Napi::Env, SharedFeeder* feeder) {
  // In a child its mutex may be locked for ever.
  if (!(*feeder)->IsOurs()) return;
  (*feeder)->Close();
  delete feeder;
}

// feederStart(readFd, writeFd, lock, index, mapping): starts the thread.
Value FeederStart(const CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto feeder =
      std::make_shared<Feeder>(info[0].As<Number>().Int32Value(), info[1].As<Number>().Int32Value(),
                               WordAt(info, 2), MappingOf(info[4]));
  int error = feeder->IsOpen() ? 0 : errno;
  if (error == 0) error = StartThread([feeder] { feeder->Run(); });
  if (error != 0) {
    feeder->CloseDescriptors();
    ThrowErrno(env, error, "pthread_create");
    return {};
  }
  return Napi::External<SharedFeeder>::New(env, new SharedFeeder(feeder), Forget);
}

// feederPut(feeder, buffer, length)
void FeederPut(const CallbackInfo& info) {
  void* data = nullptr;
  napi_get_typedarray_info(info.Env(), info[1], nullptr, nullptr, &data, nullptr, nullptr);
  FeederAt(info)->Put(static_cast<uint8_t*>(data), info[2].As<Number>().Uint32Value());
}

void FeederClose(const CallbackInfo& info) { FeederAt(info)->Close(); }

// feederJoin(feeder, seconds): as above.
Value FeederJoin(const CallbackInfo& info) {
  return Number::New(info.Env(), FeederAt(info)->Join(After(info[1].As<Number>())));
}

Value FeederJoinAsync(const CallbackInfo& info) {
  const Deadline deadline = After(info[1].As<Number>());
  return OnOwnThread(info.Env(), info[0],
                     [feeder = FeederAt(info), deadline] { return feeder->Join(deadline); });
}

void FeederStopReading(const CallbackInfo& info) { FeederAt(info)->StopReading(); }

// feederForget(feeder): in a forked child, closes what it inherited.
void FeederForget(const CallbackInfo& info) { FeederAt(info)->CloseDescriptors(); }

}  // namespace

void RegisterFeeder(Napi::Env env, Napi::Object exports) {
  exports.Set("feederStart", Napi::Function::New(env, FeederStart, "feederStart"));
  exports.Set("feederPut", Napi::Function::New(env, FeederPut, "feederPut"));
  exports.Set("feederClose", Napi::Function::New(env, FeederClose, "feederClose"));
  exports.Set("feederJoin", Napi::Function::New(env, FeederJoin, "feederJoin"));
  exports.Set("feederJoinAsync", Napi::Function::New(env, FeederJoinAsync, "feederJoinAsync"));
  exports.Set("feederStopReading",
              Napi::Function::New(env, FeederStopReading, "feederStopReading"));
  exports.Set("feederForget", Napi::Function::New(env, FeederForget, "feederForget"));
}

}  // namespace multiproc

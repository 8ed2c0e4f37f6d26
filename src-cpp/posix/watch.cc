#include "watch.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "error.h"
#include "event_queue.h"

#ifdef __linux__
#include <fcntl.h>
#endif

namespace multiproc {
namespace {

// One wait for one descriptor: calls back once.
struct Watch {
  uint32_t id;
  short events;
  // Whether the descriptor is the watch's own, in place of a file.
  bool owned;
  Napi::FunctionReference callback;
};

// The waits of one environment. libuv makes non-blocking what it watches, which would be so in
// every process that shares the open file; so it watches an event queue, and that watches the rest.
class Watches {
 public:
  explicit Watches(Napi::Env env) : env_(env) { OfThisThread().push_back(this); }

  ~Watches() {
    Clear();
    auto& all = OfThisThread();
    all.erase(std::find(all.begin(), all.end(), this));
  }

  // The number by which to stop it, or 0 with errno.
  uint32_t Add(int fd, short events, Napi::Function callback) {
    if (queue_ < 0 && !Open()) return 0;
    bool owned = false;
    if (SetInterest(queue_, fd, InterestIn(fd) | events) < 0) {
      if (errno != EPERM || (fd = OpenAlwaysReady()) < 0) return 0;
      owned = true;
      SetInterest(queue_, fd, events);
    }
    if (descriptor_of_.empty()) uv_ref(Handle());
    const uint32_t id = ++last_id_;
    descriptor_of_[id] = fd;
    by_descriptor_[fd].push_back({id, events, owned, Napi::Persistent(callback)});
    return id;
  }

  // No callback any more. Nothing, if it was called.
  void Remove(uint32_t id) { Take(id); }

  // In a child that has nothing pending of its parent's.
  void Clear() {
    for (auto& [fd, watches] : by_descriptor_) {
      if (watches.front().owned) close(fd);
    }
    by_descriptor_.clear();
    descriptor_of_.clear();
    CloseQueue();
  }

  // The kernel's queue is shared after a fork: what one process takes out, the other would miss.
  void ReplaceQueueInChild() {
    ++forks_;
#ifdef __linux__
    if (queue_ < 0) return;
    const int fresh = OpenEventQueue();
    for (const auto& [fd, watches] : by_descriptor_) SetInterest(fresh, fd, InterestIn(fd));
    dup3(fresh, queue_, O_CLOEXEC);
    close(fresh);
#endif
  }

  static std::vector<Watches*>& OfThisThread() {
    static thread_local std::vector<Watches*> all;
    return all;
  }

 private:
  uv_handle_t* Handle() { return reinterpret_cast<uv_handle_t*>(poll_); }

  bool Open() {
    queue_ = OpenEventQueue();
    if (queue_ < 0) return false;
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    poll_ = new uv_poll_t;
    poll_->data = this;
    uv_poll_init(loop, poll_, queue_);
    uv_poll_start(poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
      static_cast<Watches*>(poll->data)->CallReady();
    });
    uv_unref(Handle());
    return true;
  }

  void CloseQueue() {
    if (queue_ < 0) return;
    uv_close(Handle(), [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
    close(queue_);
    poll_ = nullptr;
    queue_ = -1;
  }

  // A descriptor was closed while it was watched, and other processes still hold the open file: it
  // cannot be taken out of the queue any more.
  void ReopenQueue() {
    CloseQueue();
    if (!Open()) return;
    for (const auto& [fd, watches] : by_descriptor_) SetInterest(queue_, fd, InterestIn(fd));
    if (!descriptor_of_.empty()) uv_ref(Handle());
  }

  short InterestIn(int fd) const {
    const auto found = by_descriptor_.find(fd);
    if (found == by_descriptor_.end()) return 0;
    int events = 0;
    for (const Watch& watch : found->second) events |= watch.events;
    return static_cast<short>(events);
  }

  Napi::FunctionReference Take(uint32_t id) {
    const auto position = descriptor_of_.find(id);
    if (position == descriptor_of_.end()) return {};
    const int fd = position->second;
    descriptor_of_.erase(position);
    auto& watches = by_descriptor_[fd];
    const auto watch = std::find_if(watches.begin(), watches.end(),
                                    [id](const Watch& each) { return each.id == id; });
    Napi::FunctionReference callback = std::move(watch->callback);
    const bool owned = watch->owned;
    watches.erase(watch);
    if (watches.empty()) by_descriptor_.erase(fd);
    if (descriptor_of_.empty()) uv_unref(Handle());
    if (SetInterest(queue_, fd, InterestIn(fd)) < 0 && errno == EBADF) ReopenQueue();
    if (owned) close(fd);
    return callback;
  }

  void CallReady() {
    Napi::HandleScope scope(env_);
    const int before = forks_;
    for (const uint32_t id : ReadyIds()) {
      // In the child of a fork by a callback the rest is the parent's, or will be found again.
      if (forks_ != before) return;
      // An earlier callback may have stopped it.
      Napi::FunctionReference callback = Take(id);
      if (!callback.IsEmpty()) Call(callback.Value());
    }
  }

  std::vector<uint32_t> ReadyIds() {
    std::vector<uint32_t> ids;
    for (const ReadyDescriptor& ready : TakeReady(queue_)) {
      const auto found = by_descriptor_.find(ready.fd);
      if (found == by_descriptor_.end()) {
        ReopenQueue();
        return {};
      }
      for (const Watch& watch : found->second) {
        if (watch.events & ready.events) ids.push_back(watch.id);
      }
    }
    return ids;
  }

  // Plain Node-API: the wrapper aborts when the callback ends a worker thread.
  void Call(napi_value callback) {
    Napi::HandleScope scope(env_);
    napi_value global, name, error;
    napi_async_context context;
    napi_get_global(env_, &global);
    napi_create_string_latin1(env_, "multiproc.watch", NAPI_AUTO_LENGTH, &name);
    if (napi_async_init(env_, nullptr, name, &context) != napi_ok) return;
    const int before = forks_;
    const auto status = napi_make_callback(env_, context, global, callback, 0, nullptr, nullptr);
    // An error that the callback throws is an uncaught one.
    if (status == napi_pending_exception &&
        napi_get_and_clear_last_exception(env_, &error) == napi_ok) {
      napi_valuetype type;
      napi_typeof(env_, error, &type);
      // A child that was forked unwinds its stack: that looks like an error, but there is none.
      if (forks_ != before && type == napi_null) return;
      napi_fatal_exception(env_, error);
    }
    napi_async_destroy(env_, context);
  }

  Napi::Env env_;
  int queue_ = -1;
  int forks_ = 0;
  // On the heap: libuv needs it a little longer.
  uv_poll_t* poll_ = nullptr;
  uint32_t last_id_ = 0;
  std::unordered_map<uint32_t, int> descriptor_of_;
  std::unordered_map<int, std::vector<Watch>> by_descriptor_;
};

Watches& Of(const Napi::CallbackInfo& info) { return *static_cast<Watches*>(info.Data()); }

// watch(fd, callback, events): a number for unwatch().
Napi::Value StartWatch(const Napi::CallbackInfo& info) {
  const int events = info[2].As<Napi::Number>();
  const uint32_t id = Of(info).Add(info[0].As<Napi::Number>(), static_cast<short>(events),
                                   info[1].As<Napi::Function>());
  if (id == 0) {
    ThrowErrno(info.Env(), errno, "poll");
    return {};
  }
  return Napi::Number::New(info.Env(), id);
}

void StopWatch(const Napi::CallbackInfo& info) { Of(info).Remove(info[0].As<Napi::Number>()); }

void ForgetWatches(const Napi::CallbackInfo& info) { Of(info).Clear(); }

}  // namespace

void RegisterWatch(Napi::Env env, Napi::Object exports) {
  static std::once_flag once;
  std::call_once(once, [] {
    pthread_atfork(nullptr, nullptr, [] {
      for (Watches* watches : Watches::OfThisThread()) watches->ReplaceQueueInChild();
    });
  });
  auto* watches = new Watches(env);
  napi_add_env_cleanup_hook(
      env, [](void* data) { delete static_cast<Watches*>(data); }, watches);
  exports.Set("watch", Napi::Function::New(env, StartWatch, "watch", watches));
  exports.Set("unwatch", Napi::Function::New(env, StopWatch, "unwatch", watches));
  exports.Set("forgetWatches", Napi::Function::New(env, ForgetWatches, "forgetWatches", watches));
}

}  // namespace multiproc

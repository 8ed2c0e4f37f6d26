#include "loop.h"

#include <algorithm>

namespace multiproc {
namespace {

// libuv's intrusive queue: two pointers, declared under different names from version to version.
struct Queue {
  Queue* next;
  Queue* prev;

  static Queue& Of(void* field) { return *static_cast<Queue*>(field); }
  void Clear() { next = prev = this; }
  void Unlink() {
    prev->next = next;
    next->prev = prev;
    Clear();
  }
};

uv__io_t* WatcherOf(uv_handle_t* handle) {
  switch (handle->type) {
    case UV_TCP:
    case UV_NAMED_PIPE:
    case UV_TTY:
      return &reinterpret_cast<uv_stream_t*>(handle)->io_watcher;
    case UV_UDP:
      return &reinterpret_cast<uv_udp_t*>(handle)->io_watcher;
    case UV_POLL:
      return &reinterpret_cast<uv_poll_t*>(handle)->io_watcher;
    default:
      return nullptr;
  }
}

// A watcher without events is not armed again by uv_loop_fork().
void Disarm(uv__io_t* watcher) {
  watcher->pevents = 0;
  Queue::Of(&watcher->watcher_queue).Unlink();
  Queue::Of(&watcher->pending_queue).Unlink();
}

bool Contains(const std::vector<int>& descriptors, int fd) {
  return std::find(descriptors.begin(), descriptors.end(), fd) != descriptors.end();
}

struct Disarming {
  const std::vector<int>& kept;
  std::vector<int> disarmed;
};

void DisarmDescriptor(uv_handle_t* handle, void* data) {
  auto* disarming = static_cast<Disarming*>(data);
  uv__io_t* watcher = WatcherOf(handle);
  if (watcher == nullptr || Contains(disarming->kept, watcher->fd)) return;
  disarming->disarmed.push_back(watcher->fd);
  Disarm(watcher);
  uv_unref(handle);
}

// Only after uv_loop_fork(): before it, the inotify descriptor is the parent's as well.
void StopWatcher(uv_handle_t* handle, void*) {
  switch (handle->type) {
    case UV_FS_EVENT:
      uv_fs_event_stop(reinterpret_cast<uv_fs_event_t*>(handle));
      break;
    case UV_FS_POLL:
      uv_fs_poll_stop(reinterpret_cast<uv_fs_poll_t*>(handle));
      break;
    case UV_SIGNAL:
      uv_signal_stop(reinterpret_cast<uv_signal_t*>(handle));
      break;
    default:
      return;
  }
  uv_unref(handle);
}

// Results of the parent's work in libuv's thread pool, and handles that it was closing: their
// callbacks are the parent's to run.
void DropCompletions(uv_loop_t* loop) {
  Queue::Of(&loop->wq).Clear();
  loop->closing_handles = nullptr;
}

}  // namespace

void ForkLoop(uv_loop_t* loop) { uv_loop_fork(loop); }

std::vector<int> ForkLoopClean(uv_loop_t* loop, const std::vector<int>& kept) {
  Disarming disarming{kept, {}};
  uv_walk(loop, DisarmDescriptor, &disarming);
  DropCompletions(loop);
  uv_loop_fork(loop);
  uv_walk(loop, StopWatcher, nullptr);
  return disarming.disarmed;
}

}  // namespace multiproc

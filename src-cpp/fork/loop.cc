#include "loop.h"

#include <signal.h>

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

// libuv's bits of uv_handle_t::flags, unchanged since its version 1.
constexpr unsigned kActive = 0x4;

bool Contains(const std::vector<int>& descriptors, int fd) {
  return std::find(descriptors.begin(), descriptors.end(), fd) != descriptors.end();
}

uv_stream_t* AsStream(uv_handle_t* handle) {
  switch (handle->type) {
    case UV_TCP:
    case UV_NAMED_PIPE:
    case UV_TTY:
      return reinterpret_cast<uv_stream_t*>(handle);
    default:
      return nullptr;
  }
}

uv__io_t* WatcherOf(uv_handle_t* handle) {
  if (uv_stream_t* stream = AsStream(handle)) return &stream->io_watcher;
  if (handle->type == UV_UDP) return &reinterpret_cast<uv_udp_t*>(handle)->io_watcher;
  if (handle->type == UV_POLL) return &reinterpret_cast<uv_poll_t*>(handle)->io_watcher;
  return nullptr;
}

// The fork may have happened in the middle of libuv's work on a handle: in its loop that accepts
// connections, reads, or goes through a batch of events. That work goes on in the child while the
// stack unwinds, so until then a handle has neither descriptor nor callback.
class Rest {
 public:
  Rest(uv_loop_t* loop, uv_handle_t* handle, uv__io_t* watcher, bool kept)
      : loop_(loop), handle_(handle), watcher_(watcher), fd_(watcher->fd), kept_(kept) {
    if (fd_ >= 0 && static_cast<unsigned>(fd_) < loop->nwatchers &&
        loop->watchers[fd_] == watcher) {
      watched_ = true;
      loop->watchers[fd_] = nullptr;
      --loop->nfds;
    }
    Queue::Of(&watcher->watcher_queue).Unlink();
    Queue::Of(&watcher->pending_queue).Unlink();
    watcher->fd = -1;
    SwapCallback();
    if (!kept) Disarm();
  }

  void End() {
    watcher_->fd = fd_;
    SwapCallback();
    if (!kept_ || !watched_) return;
    loop_->watchers[fd_] = watcher_;
    ++loop_->nfds;
    watcher_->events = 0;
    Queue& queue = Queue::Of(&loop_->watcher_queue);
    Queue& node = Queue::Of(&watcher_->watcher_queue);
    node.next = &queue;
    node.prev = queue.prev;
    queue.prev->next = &node;
    queue.prev = &node;
  }

 private:
  void SwapCallback() {
    if (uv_stream_t* stream = AsStream(handle_)) std::swap(stream->read_cb, read_);
    if (handle_->type == UV_UDP) std::swap(reinterpret_cast<uv_udp_t*>(handle_)->recv_cb, recv_);
  }

  // What the parent was about to send, it sends itself.
  void Disarm() {
    watcher_->pevents = 0;
    uv_unref(handle_);
    if (uv_stream_t* stream = AsStream(handle_)) {
      Queue::Of(&stream->write_queue).Clear();
      Queue::Of(&stream->write_completed_queue).Clear();
      stream->write_queue_size = 0;
      stream->connect_req = nullptr;
      stream->shutdown_req = nullptr;
    } else if (handle_->type == UV_UDP) {
      auto* udp = reinterpret_cast<uv_udp_t*>(handle_);
      Queue::Of(&udp->write_queue).Clear();
      Queue::Of(&udp->write_completed_queue).Clear();
      udp->send_queue_size = udp->send_queue_count = 0;
    }
  }

  uv_loop_t* loop_;
  uv_handle_t* handle_;
  uv__io_t* watcher_;
  int fd_;
  bool kept_;
  bool watched_ = false;
  uv_read_cb read_ = nullptr;
  uv_udp_recv_cb recv_ = nullptr;
};

std::vector<Rest>* resting = new std::vector<Rest>;

struct Walk {
  const std::vector<int>& kept;
  std::vector<int> disarmed;
  bool watches_files = false;
};

void IgnoreFile(uv_fs_event_t*, const char*, int, int) {}

// The inotify descriptor is the parent's as well, so its watches must not be removed.
void AbandonFileWatch(uv_fs_event_t* watch) {
  watch->cb = IgnoreFile;
  uv_unref(reinterpret_cast<uv_handle_t*>(watch));
  watch->flags &= ~kActive;
}

void PutToRest(uv_handle_t* handle, void* data) {
  auto* walk = static_cast<Walk*>(data);
  if (uv_is_closing(handle)) handle->close_cb = nullptr;
  if (uv__io_t* watcher = WatcherOf(handle)) {
    const bool kept = Contains(walk->kept, watcher->fd);
    if (!kept) walk->disarmed.push_back(watcher->fd);
    resting->emplace_back(handle->loop, handle, watcher, kept);
  } else if (handle->type == UV_FS_EVENT) {
    walk->watches_files = true;
    AbandonFileWatch(reinterpret_cast<uv_fs_event_t*>(handle));
  } else if (handle->type == UV_PROCESS) {
    reinterpret_cast<uv_process_t*>(handle)->exit_cb = nullptr;
  } else if (handle->type == UV_ASYNC) {
    reinterpret_cast<uv_async_t*>(handle)->pending = 0;
  }
}

void StopPoll(uv_handle_t* handle, void*) {
  if (handle->type != UV_FS_POLL) return;
  uv_fs_poll_stop(reinterpret_cast<uv_fs_poll_t*>(handle));
  uv_unref(handle);
}

// Before any signal can arrive: otherwise a terminate() right after start() would get lost. The
// handles themselves are Node's to close, when their listeners are removed.
void RestoreDisposition(uv_handle_t* handle, void*) {
  if (handle->type != UV_SIGNAL) return;
  auto* signals = reinterpret_cast<uv_signal_t*>(handle);
  // Those under way are the parent's; libuv would wait for them before it closes the handle.
  signals->dispatched_signals = signals->caught_signals;
  const int number = signals->signum;
  // libuv listens for the end of child processes by itself, too.
  if (number != 0 && number != SIGCHLD) signal(number, SIG_DFL);
}

// Results of the parent's work in libuv's thread pool, and handles that it was closing: their
// callbacks are the parent's to run.
void DropCompletions(uv_loop_t* loop) {
  Queue::Of(&loop->wq).Clear();
  loop->closing_handles = nullptr;
}

#ifdef __linux__
void ForgetFileWatches(uv_loop_t* loop) { loop->inotify_watchers = nullptr; }

// libuv may be reading file events further up the stack: it needs a descriptor that has none.
void OpenFileWatcher(uv_loop_t* loop) {
  auto* watch = new uv_fs_event_t;
  uv_fs_event_init(loop, watch);
  if (uv_fs_event_start(watch, IgnoreFile, "/", 0) == 0) uv_fs_event_stop(watch);
  uv_close(reinterpret_cast<uv_handle_t*>(watch),
           [](uv_handle_t* closed) { delete reinterpret_cast<uv_fs_event_t*>(closed); });
}
#else
void ForgetFileWatches(uv_loop_t*) {}
void OpenFileWatcher(uv_loop_t*) {}
#endif

}  // namespace

void ForkLoop(uv_loop_t* loop) { uv_loop_fork(loop); }

void WakeKept() {
  for (Rest& rest : *resting) rest.End();
  resting->clear();
}

std::vector<int> ForkLoopClean(uv_loop_t* loop, const std::vector<int>& kept) {
  Walk walk{kept, {}};
  uv_walk(loop, PutToRest, &walk);
  DropCompletions(loop);
  if (walk.watches_files) ForgetFileWatches(loop);
  uv_loop_fork(loop);
  uv_walk(loop, StopPoll, nullptr);
  uv_walk(loop, RestoreDisposition, nullptr);
  if (walk.watches_files) OpenFileWatcher(loop);
  return walk.disarmed;
}

}  // namespace multiproc

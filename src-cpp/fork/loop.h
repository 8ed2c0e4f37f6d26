// The event loop of a forked child: libuv's own part of it, and the parent's handles put to rest.
#pragma once

#include <uv.h>

#include <vector>

namespace multiproc {

// Makes the loop the child's own with everything in it alive, as after a fork in C.
void ForkLoop(uv_loop_t* loop);

// Makes the loop the child's own. The parent's sockets, servers, pipes, watchers and signal
// handles stay open like any inherited descriptor, but nothing of them happens here; those whose
// descriptor is in `kept` live on. Returns the descriptors of those that do not.
std::vector<int> ForkLoopClean(uv_loop_t* loop, const std::vector<int>& kept);

// Once the stack is unwound and the child's own code begins: what is kept comes to life.
void WakeKept();

// Holds the lock under which libuv's threads report finished work, while fork() copies it.
class CompletionLock {
 public:
  explicit CompletionLock(uv_loop_t* loop) : loop_(loop) { uv_mutex_lock(&loop->wq_mutex); }
  ~CompletionLock() {
    if (!in_child_) uv_mutex_unlock(&loop_->wq_mutex);
  }
  // An inherited lock is not unlocked but made anew.
  void ResetInChild() {
    in_child_ = true;
    uv_mutex_init(&loop_->wq_mutex);
  }

 private:
  uv_loop_t* loop_;
  bool in_child_ = false;
};

}  // namespace multiproc

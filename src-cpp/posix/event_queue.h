// The kernel's list of descriptors to watch: epoll or kqueue. Itself a descriptor, readable when
// one of them is ready.
#pragma once

#include <vector>

namespace multiproc {

// A descriptor and what it is ready for: POLLIN, POLLOUT, and at an error everything.
struct ReadyDescriptor {
  int fd;
  short events;
};

// All return -1 with errno when they fail.
int OpenEventQueue();
// From now on watches for `events`, of which 0 is none. EPERM: Linux does not watch files.
int SetInterest(int queue, int fd, short events);
// Some of those that are ready now.
std::vector<ReadyDescriptor> TakeReady(int queue);
// A descriptor that is always ready, in place of one that is so but cannot be watched.
int OpenAlwaysReady();

}  // namespace multiproc

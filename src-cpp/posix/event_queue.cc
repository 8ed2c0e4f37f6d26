#include "event_queue.h"

#include <poll.h>

#include <cerrno>

#include "error.h"

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#else
#include <fcntl.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>
#endif

namespace multiproc {

constexpr int kBatch = 64;

#ifdef __linux__

static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT);

int OpenEventQueue() { return epoll_create1(EPOLL_CLOEXEC); }

int SetInterest(int queue, int fd, short events) {
  epoll_event event{};
  event.events = static_cast<uint32_t>(events);
  event.data.fd = fd;
  if (events == 0) return epoll_ctl(queue, EPOLL_CTL_DEL, fd, &event);
  const int changed = epoll_ctl(queue, EPOLL_CTL_MOD, fd, &event);
  // New, or closed in the meantime and opened again.
  if (changed < 0 && errno == ENOENT) return epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
  return changed;
}

std::vector<ReadyDescriptor> TakeReady(int queue) {
  epoll_event events[kBatch];
  const int count = Retry([&] { return epoll_wait(queue, events, kBatch, 0); });
  std::vector<ReadyDescriptor> ready;
  for (int i = 0; i < count; ++i) {
    const bool ended = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
    const auto what = static_cast<short>(events[i].events & (POLLIN | POLLOUT));
    ready.push_back({events[i].data.fd, ended ? short{POLLIN | POLLOUT} : what});
  }
  return ready;
}

int OpenAlwaysReady() { return eventfd(1, EFD_CLOEXEC); }

#else

int OpenEventQueue() {
  const int queue = kqueue();
  if (queue >= 0) fcntl(queue, F_SETFD, FD_CLOEXEC);
  return queue;
}

static int SetFilter(int queue, int fd, short filter, bool on) {
  struct kevent change;
  EV_SET(&change, fd, filter, on ? EV_ADD : EV_DELETE, 0, 0, nullptr);
  const int result = kevent(queue, &change, 1, nullptr, 0, nullptr);
  return result < 0 && errno == ENOENT ? 0 : result;
}

int SetInterest(int queue, int fd, short events) {
  if (SetFilter(queue, fd, EVFILT_READ, (events & POLLIN) != 0) < 0) return -1;
  return SetFilter(queue, fd, EVFILT_WRITE, (events & POLLOUT) != 0);
}

std::vector<ReadyDescriptor> TakeReady(int queue) {
  struct kevent events[kBatch];
  const timespec now{};
  const int count = Retry([&] { return kevent(queue, nullptr, 0, events, kBatch, &now); });
  std::vector<ReadyDescriptor> ready;
  for (int i = 0; i < count; ++i) {
    const bool reads = events[i].filter == EVFILT_READ;
    ready.push_back({static_cast<int>(events[i].ident), short(reads ? POLLIN : POLLOUT)});
  }
  return ready;
}

// kqueue watches files, too.
int OpenAlwaysReady() {
  errno = EPERM;
  return -1;
}

#endif

}  // namespace multiproc

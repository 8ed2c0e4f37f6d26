#include "stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "error.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef MSG_CMSG_CLOEXEC
#include <fcntl.h>
#define MSG_CMSG_CLOEXEC 0
#endif

namespace multiproc {
namespace {

// macOS refuses more than INT_MAX in one call, Linux cuts it a little below.
constexpr size_t kMostBytes = size_t{1} << 30;

// Up to so many bytes CPython writes header and payload at once, too.
constexpr size_t kCopiedTogether = 16384;

bool IsReady(int fd, short events, int milliseconds) {
  pollfd one{fd, events, 0};
  return Retry([&] { return poll(&one, 1, milliseconds); }) > 0;
}

// Calls `call` until it need not wait; if it must not wait, once.
template <typename Call>
ssize_t Repeat(const Stream& stream, short events, Call call) {
  for (;;) {
    const ssize_t n = Retry(call);
    if (n >= 0 || errno != EAGAIN || !stream.wait) return n;
    // Some process has made it non-blocking.
    IsReady(stream.fd, events, -1);
  }
}

bool IsUnsupported(int error) { return error == EOPNOTSUPP || error == ENOSYS; }

// A pipe, without waiting. Linux before 6.4 cannot be told so; another reader may be faster there.
ssize_t TryRead(int fd, void* data, size_t length) {
#ifdef RWF_NOWAIT
  iovec part{data, length};
  const ssize_t n = Retry([&] { return preadv2(fd, &part, 1, -1, RWF_NOWAIT); });
  if (n >= 0 || !IsUnsupported(errno)) return n;
#endif
  if (IsReady(fd, POLLIN, 0)) return Retry([&] { return read(fd, data, length); });
  errno = EAGAIN;
  return -1;
}

void Cut(iovec* parts, int& count, size_t most) {
  int kept = 0;
  for (; kept < count && most > 0; ++kept) {
    parts[kept].iov_len = std::min(parts[kept].iov_len, most);
    most -= parts[kept].iov_len;
  }
  count = kept;
}

ssize_t TryWrite(int fd, iovec* parts, int count) {
#ifdef RWF_NOWAIT
  const ssize_t n = Retry([&] { return pwritev2(fd, parts, count, -1, RWF_NOWAIT); });
  if (n >= 0 || !IsUnsupported(errno)) return n;
#endif
  if (!IsReady(fd, POLLOUT, 0)) {
    errno = EAGAIN;
    return -1;
  }
  // What is ready promises no more.
  Cut(parts, count, PIPE_BUF);
  return Retry([&] { return writev(fd, parts, count); });
}

constexpr size_t kControlSize = CMSG_SPACE(sizeof(int) * kMostDescriptors);

void Attach(msghdr& message, char* control, const std::vector<int>& descriptors) {
  const size_t size = sizeof(int) * descriptors.size();
  memset(control, 0, kControlSize);
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(size);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(header), descriptors.data(), size);
}

void Detach(msghdr& message, Received& received) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
#ifndef __linux__
      fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
      received.Add(fd);
    }
  }
  if (message.msg_flags & MSG_CTRUNC) received.SetLost();
}

ssize_t Receive(const Stream& stream, void* data, size_t length, Received& received) {
  alignas(cmsghdr) char control[kControlSize];
  iovec part{data, length};
  msghdr message{};
  const int flags = MSG_CMSG_CLOEXEC | (stream.wait ? 0 : MSG_DONTWAIT);
  const ssize_t n = Repeat(stream, POLLIN, [&] {
    message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    return recvmsg(stream.fd, &message, flags);
  });
  if (n >= 0) Detach(message, received);
  return n;
}

}  // namespace

void Received::Clear() {
  if (slots_ != nullptr) slots_[0] = slots_[1] = 0;
}

void Received::Add(int fd) {
  if (slots_[0] == static_cast<int32_t>(kMostDescriptors)) {
    close(fd);
    SetLost();
  } else {
    slots_[2 + slots_[0]++] = fd;
  }
}

void Received::SetLost() { slots_[1] = 1; }

void Received::CloseAll() {
  if (slots_ == nullptr) return;
  while (slots_[0] > 0) close(slots_[2 + --slots_[0]]);
}

ssize_t ReadSome(const Stream& stream, void* data, size_t length, Received* received) {
  length = std::min(length, kMostBytes);
  if (stream.socket && received != nullptr) return Receive(stream, data, length, *received);
  if (stream.wait) {
    return Repeat(stream, POLLIN, [&] { return read(stream.fd, data, length); });
  }
  if (!stream.socket) return TryRead(stream.fd, data, length);
  return Retry([&] { return recv(stream.fd, data, length, MSG_DONTWAIT); });
}

ssize_t ReadAll(const Stream& stream, void* data, size_t length, Received* received) {
  size_t done = 0;
  while (done < length) {
    const ssize_t n = ReadSome(stream, static_cast<char*>(data) + done, length - done, received);
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

ssize_t WriteSome(const Stream& stream, iovec* parts, int count,
                  const std::vector<int>& descriptors) {
  Cut(parts, count, kMostBytes);
  if (!stream.socket && !stream.wait) return TryWrite(stream.fd, parts, count);
  if (!stream.socket) {
    // A large payload by itself fills whole pages of the pipe, which are copied twice as fast.
    if (count > 1 && parts[1].iov_len > kCopiedTogether) count = 1;
    return Repeat(stream, POLLOUT, [&] { return writev(stream.fd, parts, count); });
  }
  alignas(cmsghdr) char control[kControlSize];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
  if (!descriptors.empty()) Attach(message, control, descriptors);
  const int flags = MSG_NOSIGNAL | (stream.wait ? 0 : MSG_DONTWAIT);
  return Repeat(stream, POLLOUT, [&] { return sendmsg(stream.fd, &message, flags); });
}

}  // namespace multiproc

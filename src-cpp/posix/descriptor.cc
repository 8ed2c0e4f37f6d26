#include "descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cmath>
#include <string>
#include <vector>

#include "error.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;
using Clock = std::chrono::steady_clock;

// socketpair(): two connected stream sockets, both close-on-exec.
Value Socketpair(const CallbackInfo& info) {
  int ends[2];
#ifdef __linux__
  const int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
#else
  const int failed = socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  for (int i = 0; !failed && i < 2; ++i) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
#endif
  if (failed) {
    ThrowErrno(info.Env(), errno, "socketpair");
    return {};
  }
  auto result = Napi::Array::New(info.Env(), 2);
  result[0u] = Number::New(info.Env(), ends[0]);
  result[1u] = Number::New(info.Env(), ends[1]);
  return result;
}

// pipe(): [what is written into the second, is read from the first], both close-on-exec.
Value Pipe(const CallbackInfo& info) {
  int ends[2];
#ifdef __linux__
  const int failed = pipe2(ends, O_CLOEXEC);
#else
  const int failed = pipe(ends);
  for (int i = 0; !failed && i < 2; ++i) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
#endif
  if (failed) {
    ThrowErrno(info.Env(), errno, "pipe");
    return {};
  }
  auto result = Napi::Array::New(info.Env(), 2);
  result[0u] = Number::New(info.Env(), ends[0]);
  result[1u] = Number::New(info.Env(), ends[1]);
  return result;
}

// dup(fd): another descriptor of the same open file, close-on-exec.
Value Dup(const CallbackInfo& info) {
  const int from = info[0].As<Number>();
  const int fd = Retry([&] { return fcntl(from, F_DUPFD_CLOEXEC, 0); });
  if (fd < 0) {
    ThrowErrno(info.Env(), errno, "dup");
    return {};
  }
  return Number::New(info.Env(), fd);
}

// socketFamily(fd): AF_UNIX, AF_INET..., or AF_UNSPEC for what is not a socket.
Value SocketFamily(const CallbackInfo& info) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  const int fd = info[0].As<Number>();
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) < 0) {
    return Number::New(info.Env(), AF_UNSPEC);
  }
  return Number::New(info.Env(), address.ss_family);
}

// close(fd). Not repeated after EINTR: Linux has closed the descriptor then.
void Close(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
  if (close(fd) < 0 && errno != EINTR) ThrowErrno(info.Env(), errno, "close");
}

// openAs(path, fd): opens the file for reading and writing under this very descriptor.
void OpenAs(const CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const int to = info[1].As<Number>();
  const int from = Retry([&] { return open(path.c_str(), O_RDWR | O_CLOEXEC); });
  if (from < 0) return ThrowErrno(info.Env(), errno, "open", path);
  if (from == to) return;
  if (Retry([&] { return dup2(from, to); }) < 0) ThrowErrno(info.Env(), errno, "dup2");
  close(from);
}

// The milliseconds for poll(2) until `deadline`, rounded up; -1 when there is none.
int Remaining(bool endless, Clock::time_point deadline) {
  if (endless) return -1;
  const std::chrono::duration<double, std::milli> left = deadline - Clock::now();
  return static_cast<int>(std::clamp(std::ceil(left.count()), 0.0, double{INT_MAX}));
}

// poll(pairs, timeout): `pairs` is an Int32Array of descriptors and events in turn, which are
// replaced by what happened; `timeout` in seconds, Infinity for ever. The number of ready ones.
Value Poll(const CallbackInfo& info) {
  auto pairs = info[0].As<Napi::Int32Array>();
  const double seconds = info[1].As<Number>();
  const bool endless = !std::isfinite(seconds);
  const std::chrono::duration<double> wait(endless ? 0 : std::clamp(seconds, 0.0, 1e9));
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(wait);
  std::vector<pollfd> fds(pairs.ElementLength() / 2);
  for (size_t i = 0; i < fds.size(); ++i) {
    fds[i] = {pairs[2 * i], static_cast<short>(pairs[2 * i + 1]), 0};
  }
  int ready;
  do {
    ready = poll(fds.data(), fds.size(), Remaining(endless, deadline));
    // Early by a signal, or by the limit of an int of milliseconds.
  } while ((ready < 0 && errno == EINTR) || (ready == 0 && Remaining(endless, deadline) != 0));
  if (ready < 0) {
    ThrowErrno(info.Env(), errno, "poll");
    return {};
  }
  for (size_t i = 0; i < fds.size(); ++i) pairs[2 * i + 1] = fds[i].revents;
  return Number::New(info.Env(), ready);
}

// writeAll(fd, bytes): everything, also to a descriptor that another process made non-blocking.
void WriteAll(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
  auto bytes = info[1].As<Napi::Uint8Array>();
  const uint8_t* data = bytes.Data();
  for (size_t left = bytes.ByteLength(); left > 0;) {
    const ssize_t n = write(fd, data, left);
    if (n >= 0) {
      data += n;
      left -= static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      ThrowErrno(info.Env(), errno, "write");
      return;
    }
  }
}

}  // namespace

void RegisterDescriptor(Napi::Env env, Napi::Object exports) {
  exports.Set("socketpair", Napi::Function::New(env, Socketpair, "socketpair"));
  exports.Set("pipe", Napi::Function::New(env, Pipe, "pipe"));
  exports.Set("dup", Napi::Function::New(env, Dup, "dup"));
  exports.Set("socketFamily", Napi::Function::New(env, SocketFamily, "socketFamily"));
  exports.Set("close", Napi::Function::New(env, Close, "close"));
  exports.Set("openAs", Napi::Function::New(env, OpenAs, "openAs"));
  exports.Set("poll", Napi::Function::New(env, Poll, "poll"));
  exports.Set("writeAll", Napi::Function::New(env, WriteAll, "writeAll"));
  exports.Set("POLLIN", Number::New(env, POLLIN));
  exports.Set("POLLOUT", Number::New(env, POLLOUT));
  exports.Set("POLLNVAL", Number::New(env, POLLNVAL));
  exports.Set("AF_UNSPEC", Number::New(env, AF_UNSPEC));
  exports.Set("AF_UNIX", Number::New(env, AF_UNIX));
}

}  // namespace multiproc

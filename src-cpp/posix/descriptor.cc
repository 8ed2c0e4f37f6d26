#include "descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "deadline.h"
#include "error.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

int IntOr(const Value& given, int otherwise) {
  return given.IsUndefined() ? otherwise : given.As<Number>().Int32Value();
}

Value Pair(Napi::Env env, const int (&ends)[2]) {
  auto result = Napi::Array::New(env, 2);
  result[0u] = Number::New(env, ends[0]);
  result[1u] = Number::New(env, ends[1]);
  return result;
}

// A descriptor, or the error of the call that should have made it.
Value Descriptor(Napi::Env env, int fd, const char* syscall) {
  if (fd >= 0) return Number::New(env, fd);
  ThrowErrno(env, errno, syscall);
  return {};
}

#ifndef __linux__
int pipe2(int (&ends)[2], int flags) {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0) {
    errno = EINVAL;
    return -1;
  }
  if (pipe(ends) < 0) return -1;
  for (const int end : ends) {
    if (flags & O_CLOEXEC) fcntl(end, F_SETFD, FD_CLOEXEC);
    if (flags & O_NONBLOCK) fcntl(end, F_SETFL, O_NONBLOCK);
  }
  return 0;
}
#endif

// pipe(flags?): [the end to read from, the end to write to].
Value Pipe(const CallbackInfo& info) {
  int ends[2];
  if (pipe2(ends, IntOr(info[0], O_CLOEXEC)) < 0) {
    ThrowErrno(info.Env(), errno, "pipe2");
    return {};
  }
  return Pair(info.Env(), ends);
}

// socketpair(domain?, type?, protocol?): two connected sockets, both close-on-exec.
Value Socketpair(const CallbackInfo& info) {
  const int domain = IntOr(info[0], AF_UNIX);
  const int type = IntOr(info[1], SOCK_STREAM);
  const int protocol = IntOr(info[2], 0);
  int ends[2];
#ifdef __linux__
  const int failed = socketpair(domain, type | SOCK_CLOEXEC, protocol, ends);
#else
  const int failed = socketpair(domain, type, protocol, ends);
  for (int i = 0; !failed && i < 2; ++i) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
#endif
  if (failed) {
    ThrowErrno(info.Env(), errno, "socketpair");
    return {};
  }
  return Pair(info.Env(), ends);
}

// dup(fd): close-on-exec, which dup(2) is not.
Value Dup(const CallbackInfo& info) {
  return Descriptor(info.Env(), fcntl(info[0].As<Number>(), F_DUPFD_CLOEXEC, 0), "dup");
}

int DupTo(int from, int to, bool cloexec) {
#ifdef __linux__
  if (cloexec) return dup3(from, to, O_CLOEXEC);
  return dup2(from, to);
#else
  const int fd = dup2(from, to);
  if (fd >= 0 && cloexec) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

// dup2(from, to, cloexec)
Value Dup2(const CallbackInfo& info) {
  const int from = info[0].As<Number>();
  const int to = info[1].As<Number>();
  const bool cloexec = info[2].As<Napi::Boolean>();
  const int fd = Retry([&] { return DupTo(from, to, cloexec); });
  return Descriptor(info.Env(), fd, cloexec ? "dup3" : "dup2");
}

// fcntl(fd, command, argument): only commands whose argument is a number, or that have none.
Value Fcntl(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
  const int command = info[1].As<Number>();
  const int argument = info[2].As<Number>();
  const int result = Retry([&] { return fcntl(fd, command, argument); });
  if (result < 0) ThrowErrno(info.Env(), errno, "fcntl");
  return Number::New(info.Env(), result);
}

// ftruncate(fd, size)
void Ftruncate(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
  const off_t size = info[1].As<Number>().Int64Value();
  if (Retry([&] { return ftruncate(fd, size); }) < 0) ThrowErrno(info.Env(), errno, "ftruncate");
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

// poll(pairs, timeout): `pairs` is an Int32Array of descriptors and events in turn, which are
// replaced by what happened; `timeout` in seconds, Infinity for ever. The number of ready ones.
Value Poll(const CallbackInfo& info) {
  auto pairs = info[0].As<Napi::Int32Array>();
  const Deadline deadline = After(info[1].As<Number>());
  std::vector<pollfd> fds(pairs.ElementLength() / 2);
  for (size_t i = 0; i < fds.size(); ++i) {
    fds[i] = {pairs[2 * i], static_cast<short>(pairs[2 * i + 1]), 0};
  }
  int ready;
  do {
    ready = poll(fds.data(), fds.size(), MillisecondsUntil(deadline));
    // Early by a signal, or by the limit of an int of milliseconds.
  } while ((ready < 0 && errno == EINTR) || (ready == 0 && !HasPassed(deadline)));
  if (ready < 0) {
    ThrowErrno(info.Env(), errno, "poll");
    return {};
  }
  for (size_t i = 0; i < fds.size(); ++i) pairs[2 * i + 1] = fds[i].revents;
  return Number::New(info.Env(), ready);
}

// read(fd, bytes): what is there, at most as much as there is room for. 0 at the end.
Value Read(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
  auto bytes = info[1].As<Napi::Uint8Array>();
  const ssize_t n = Retry([&] { return read(fd, bytes.Data(), bytes.ByteLength()); });
  if (n < 0) ThrowErrno(info.Env(), errno, "read");
  return Number::New(info.Env(), static_cast<double>(n));
}

// write(fd, bytes): how many were written.
Value Write(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
  auto bytes = info[1].As<Napi::Uint8Array>();
  const ssize_t n = Retry([&] { return write(fd, bytes.Data(), bytes.ByteLength()); });
  if (n < 0) ThrowErrno(info.Env(), errno, "write");
  return Number::New(info.Env(), static_cast<double>(n));
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

// trySend(fd, bytes, offset, length): to a socket, without waiting: how many were written, -1 when
// there is no room, -2 when nobody reads any more.
Value TrySend(const CallbackInfo& info) {
#ifdef MSG_NOSIGNAL
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
  constexpr int kFlags = MSG_DONTWAIT;
#endif
  const int fd = info[0].As<Number>();
  const uint8_t* const bytes = info[1].As<Napi::Uint8Array>().Data();
  const auto offset = static_cast<size_t>(info[2].As<Number>().Int64Value());
  const auto length = static_cast<size_t>(info[3].As<Number>().Int64Value());
  const ssize_t n = Retry([&] { return send(fd, bytes + offset, length, kFlags); });
  if (n >= 0) return Number::New(info.Env(), static_cast<double>(n));
  if (errno == EAGAIN) return Number::New(info.Env(), -1);
  if (errno == EPIPE || errno == ECONNRESET) return Number::New(info.Env(), -2);
  ThrowErrno(info.Env(), errno, "send");
  return {};
}

}  // namespace

void RegisterDescriptor(Napi::Env env, Napi::Object exports) {
  exports.Set("pipe", Napi::Function::New(env, Pipe, "pipe"));
  exports.Set("socketpair", Napi::Function::New(env, Socketpair, "socketpair"));
  exports.Set("socketFamily", Napi::Function::New(env, SocketFamily, "socketFamily"));
  exports.Set("close", Napi::Function::New(env, Close, "close"));
  exports.Set("dup", Napi::Function::New(env, Dup, "dup"));
  exports.Set("dup2", Napi::Function::New(env, Dup2, "dup2"));
  exports.Set("fcntl", Napi::Function::New(env, Fcntl, "fcntl"));
  exports.Set("ftruncate", Napi::Function::New(env, Ftruncate, "ftruncate"));
  exports.Set("openAs", Napi::Function::New(env, OpenAs, "openAs"));
  exports.Set("poll", Napi::Function::New(env, Poll, "poll"));
  exports.Set("read", Napi::Function::New(env, Read, "read"));
  exports.Set("write", Napi::Function::New(env, Write, "write"));
  exports.Set("trySend", Napi::Function::New(env, TrySend, "trySend"));
  exports.Set("writeAll", Napi::Function::New(env, WriteAll, "writeAll"));
}

}  // namespace multiproc

#include "local_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "error.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

struct Address {
  sockaddr_un socket{};
  socklen_t length;

  // A path; after a first byte of 0, a name in Linux's abstract namespace.
  explicit Address(const Napi::Uint8Array& bytes) {
    const size_t size = std::min(bytes.ByteLength(), sizeof socket.sun_path - 1);
    socket.sun_family = AF_UNIX;
    memcpy(socket.sun_path, bytes.Data(), size);
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  }
  const sockaddr* Get() const { return reinterpret_cast<const sockaddr*>(&socket); }
};

// Keeps the borders of messages where the system can. Close-on-exec and non-blocking.
int MakeSocket() {
#ifdef __linux__
  return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return fd;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
#endif
}

// A new socket after `prepare` has bound or connected it; closed when that fails.
template <typename Prepare>
Value SocketAfter(const CallbackInfo& info, const char* syscall, Prepare prepare) {
  const int fd = MakeSocket();
  if (fd < 0) {
    ThrowErrno(info.Env(), errno, "socket");
    return {};
  }
  if (prepare(fd) < 0) {
    const int error = errno;
    close(fd);
    ThrowErrno(info.Env(), error, syscall);
    return {};
  }
  return Number::New(info.Env(), fd);
}

// listenLocal(address, backlog): a socket that accepts connections.
Value ListenLocal(const CallbackInfo& info) {
  const Address address(info[0].As<Napi::Uint8Array>());
  const int backlog = info[1].As<Number>();
  return SocketAfter(info, "bind", [&](int fd) {
    return bind(fd, address.Get(), address.length) < 0 ? -1 : listen(fd, backlog);
  });
}

// connectLocal(address): EAGAIN when too many wait there already.
Value ConnectLocal(const CallbackInfo& info) {
  const Address address(info[0].As<Napi::Uint8Array>());
  return SocketAfter(info, "connect",
                     [&](int fd) { return connect(fd, address.Get(), address.length); });
}

// peerUser(fd): the effective user id of the process that listens, or that has connected.
Value PeerUser(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
#ifdef __linux__
  ucred peer{};
  socklen_t size = sizeof peer;
  const int failed = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  const uid_t user = peer.uid;
#else
  uid_t user = 0;
  gid_t group;
  const int failed = getpeereid(fd, &user, &group);
#endif
  if (failed) {
    ThrowErrno(info.Env(), errno, "getsockopt");
    return {};
  }
  return Number::New(info.Env(), user);
}

}  // namespace

void RegisterLocalSocket(Napi::Env env, Napi::Object exports) {
  exports.Set("listenLocal", Napi::Function::New(env, ListenLocal, "listenLocal"));
  exports.Set("connectLocal", Napi::Function::New(env, ConnectLocal, "connectLocal"));
  exports.Set("peerUser", Napi::Function::New(env, PeerUser, "peerUser"));
}

}  // namespace multiproc

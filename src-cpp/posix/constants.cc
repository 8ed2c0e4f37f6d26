#include "constants.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace multiproc {
namespace {

struct Constant {
  const char* name;
  int value;
};

#define MULTIPROC_CONSTANT(name) \
  {                              \
#name, name                  \
  }

// What a platform does not have is undefined in JavaScript.
constexpr Constant kConstants[] = {
    MULTIPROC_CONSTANT(PROT_READ),       MULTIPROC_CONSTANT(PROT_WRITE),
    MULTIPROC_CONSTANT(MAP_SHARED),      MULTIPROC_CONSTANT(MAP_PRIVATE),
    MULTIPROC_CONSTANT(MAP_ANONYMOUS),   MULTIPROC_CONSTANT(O_CLOEXEC),
    MULTIPROC_CONSTANT(POLLIN),          MULTIPROC_CONSTANT(POLLPRI),
    MULTIPROC_CONSTANT(POLLOUT),         MULTIPROC_CONSTANT(POLLERR),
    MULTIPROC_CONSTANT(POLLHUP),         MULTIPROC_CONSTANT(POLLNVAL),
#ifdef POLLRDHUP
    MULTIPROC_CONSTANT(POLLRDHUP),
#endif
    MULTIPROC_CONSTANT(AF_UNSPEC),       MULTIPROC_CONSTANT(AF_UNIX),
    MULTIPROC_CONSTANT(SOCK_STREAM),     MULTIPROC_CONSTANT(SOCK_DGRAM),
    MULTIPROC_CONSTANT(SOCK_SEQPACKET),  MULTIPROC_CONSTANT(F_GETFD),
    MULTIPROC_CONSTANT(F_SETFD),         MULTIPROC_CONSTANT(FD_CLOEXEC),
    MULTIPROC_CONSTANT(F_GETFL),         MULTIPROC_CONSTANT(F_SETFL),
    MULTIPROC_CONSTANT(F_DUPFD_CLOEXEC),
#ifdef F_GETPIPE_SZ
    MULTIPROC_CONSTANT(F_GETPIPE_SZ),    MULTIPROC_CONSTANT(F_SETPIPE_SZ),
#endif
#ifdef SEM_VALUE_MAX
    MULTIPROC_CONSTANT(SEM_VALUE_MAX),
#else
    {"SEM_VALUE_MAX", _POSIX_SEM_VALUE_MAX},
#endif
#ifdef MQ_PRIO_MAX
    MULTIPROC_CONSTANT(MQ_PRIO_MAX),
#endif
};

}  // namespace

void RegisterConstants(Napi::Env env, Napi::Object exports) {
  for (const auto& [name, value] : kConstants) exports.Set(name, Napi::Number::New(env, value));
}

}  // namespace multiproc

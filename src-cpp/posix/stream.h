// Reading and writing streams whose descriptors may be shared with other processes: O_NONBLOCK, a
// property that all of them would see, is never set and never relied on.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace multiproc {

struct Stream {
  int fd;
  bool socket;
  // Whether to wait until it is ready; if not, calls fail with EAGAIN.
  bool wait;
};

// The most descriptors that Linux passes with one message (SCM_MAX_FD).
constexpr size_t kMostDescriptors = 253;

// Descriptors that came with a message, in memory of JavaScript's: their number, whether some did
// not fit into this process's table, and then they.
class Received {
 public:
  // Holds none: for those that are not expected, which the kernel closes.
  Received() = default;
  explicit Received(int32_t* slots) : slots_(slots) {}
  void Clear();
  void Add(int fd);
  void SetLost();
  void CloseAll();

 private:
  int32_t* slots_ = nullptr;
};

// Up to `length` bytes; 0 at the end; -1 with errno. On a socket also the descriptors that come
// with them; if `received` is null, the kernel closes them.
ssize_t ReadSome(const Stream& stream, void* data, size_t length, Received* received);

// Reads until there are `length` bytes or the end is reached: their number, or -1 with errno.
ssize_t ReadAll(const Stream& stream, void* data, size_t length, Received* received);

// Writes what it can, at least one byte; -1 with errno. The descriptors go with the first byte.
ssize_t WriteSome(const Stream& stream, iovec* parts, int count,
                  const std::vector<int>& descriptors);

}  // namespace multiproc

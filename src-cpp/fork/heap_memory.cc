#include "heap_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace multiproc {

#ifdef __linux__
namespace {

struct Range {
  uintptr_t start;
  uintptr_t end;
};

// /proc/self/smaps alone tells which mappings are marked, but costs ten times as much as
// /proc/self/maps. So it is read only when the mappings have changed since the last time.
struct Marked {
  std::string maps;
  std::vector<Range> ranges;
};
Marked* marked = new Marked;

// Kept from one fork to the next, and no more of it is touched than the file is long: every page
// that is written between two forks is copied once more.
class Buffer {
 public:
  std::string_view ReadFile(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    for (ssize_t n; fd >= 0 && (n = read(fd, bytes_ + size, capacity_ - size)) > 0;) {
      size += static_cast<size_t>(n);
      if (size == capacity_) bytes_ = static_cast<char*>(realloc(bytes_, capacity_ *= 2));
    }
    if (fd >= 0) close(fd);
    return {bytes_, size};
  }

 private:
  size_t capacity_ = 1 << 20;
  char* bytes_ = static_cast<char*>(malloc(capacity_));
};

bool IsMarked(std::string_view flags_line) {
  return flags_line.find(" dc") != std::string_view::npos;
}

// A record of smaps begins with "start-end perms ..." and ends with "VmFlags: rd wr ... dc ...".
std::vector<Range> FindMarkedRanges(std::string_view smaps) {
  std::vector<Range> found;
  Range current{};
  for (size_t begin = 0; begin < smaps.size();) {
    size_t end = smaps.find('\n', begin);
    if (end == std::string_view::npos) end = smaps.size();
    const std::string_view line = smaps.substr(begin, end - begin);
    if (line.front() >= 'a' || (line.front() >= '0' && line.front() <= '9')) {
      char* rest;
      current.start = strtoull(line.data(), &rest, 16);
      current.end = strtoull(rest + 1, nullptr, 16);
    } else if (line.starts_with("VmFlags:") && IsMarked(line)) {
      found.push_back(current);
    }
    begin = end + 1;
  }
  return found;
}

void AdviseAll(const std::vector<Range>& ranges, int advice) {
  for (const Range& range : ranges) {
    madvise(reinterpret_cast<void*>(range.start), range.end - range.start, advice);
  }
}

}  // namespace

CopiedHeap::CopiedHeap() {
  static Buffer maps_buffer, smaps_buffer;
  const std::string_view maps = maps_buffer.ReadFile("/proc/self/maps");
  if (maps != marked->maps) {
    marked->ranges = FindMarkedRanges(smaps_buffer.ReadFile("/proc/self/smaps"));
    marked->maps = maps;
  }
  AdviseAll(marked->ranges, MADV_DOFORK);
}

CopiedHeap::~CopiedHeap() { AdviseAll(marked->ranges, MADV_DONTFORK); }

void CopiedHeap::ForgetInChild() {
  marked->maps.clear();
  marked->ranges.clear();
}

#else  // macOS has no MADV_DONTFORK: everything is copied as it is.

CopiedHeap::CopiedHeap() = default;
CopiedHeap::~CopiedHeap() = default;
void CopiedHeap::ForgetInChild() {}

#endif

}  // namespace multiproc

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

// Reads into `text`, whose capacity is kept from one fork to the next: growing it while the file
// is read would change what is read.
void ReadFile(const char* path, std::string& text) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t size = 0;
  if (text.capacity() < 4096) text.reserve(1 << 20);
  text.resize(text.capacity());
  for (ssize_t n; fd >= 0 && (n = read(fd, text.data() + size, text.size() - size)) > 0;) {
    size += static_cast<size_t>(n);
    if (size == text.size()) text.resize(2 * size);
  }
  text.resize(size);
  if (fd >= 0) close(fd);
}

bool IsMarked(std::string_view flags_line) {
  return flags_line.find(" dc") != std::string_view::npos;
}

// A record of smaps begins with "start-end perms ..." and ends with "VmFlags: rd wr ... dc ...".
std::vector<Range> FindMarkedRanges(const std::string& smaps) {
  std::vector<Range> found;
  Range current{};
  for (size_t begin = 0; begin < smaps.size();) {
    size_t end = smaps.find('\n', begin);
    if (end == std::string::npos) end = smaps.size();
    const std::string_view line(smaps.data() + begin, end - begin);
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
  static std::string maps;
  ReadFile("/proc/self/maps", maps);
  if (maps != marked->maps) {
    static std::string smaps;
    ReadFile("/proc/self/smaps", smaps);
    marked->ranges = FindMarkedRanges(smaps);
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

// Makes fork() copy V8's memory, which V8 marks MADV_DONTFORK so that spawning a program is cheap.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace multiproc {

// For the time of its life in the parent, fork() copies the whole address space.
class CopiedHeap {
 public:
  CopiedHeap();
  ~CopiedHeap();
  CopiedHeap(const CopiedHeap&) = delete;
  CopiedHeap& operator=(const CopiedHeap&) = delete;

  // In the child nothing is marked: there is nothing to put back, and nothing to remember.
  static void ForgetInChild();
};

}  // namespace multiproc

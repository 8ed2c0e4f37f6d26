// Messages in a pipe that outlive whoever writes or reads them.
//
// A message is a row of cells of 64 bytes. The kernel moves whole cells, as 64 divides its pages
// and every read and write here is of whole cells. The first cell of a message carries its length,
// the others a sign that they continue one. So when a writer is killed in the middle of a message,
// the next writer says so, and when a reader is, the next one skips what is left of its message:
// with length-prefixed bytes the pipe would be of no use any more.
//
// Writers hold one lock while they write a message, readers another one.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

#include "lock.h"

namespace multiproc {

// Writes messages to a pipe, many with one system call.
class CellWriter {
 public:
  // `owner`: the pid that holds the lock for this writer.
  CellWriter(int fd, Word& lock, int32_t owner) : fd_(fd), lock_(lock), owner_(owner) {}

  // Adds a message; an errno when the pipe does not take it.
  int Add(const uint8_t* message, size_t length);
  // Writes what was added. Nothing else does when there is little.
  int Flush();

 private:
  static constexpr size_t kCapacity = 64 * 1024;

  void AddCell(int32_t header, const uint8_t* bytes, size_t length);
  int Write();

  const int fd_;
  Word& lock_;
  const int32_t owner_;
  bool locked_ = false;
  size_t size_ = 0;
  alignas(64) uint8_t buffer_[kCapacity];
};

void RegisterCells(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

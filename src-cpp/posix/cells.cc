#include "cells.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "error.h"
#include "own_thread.h"
#include "process.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

constexpr size_t kCell = 64;
constexpr size_t kHeader = sizeof(int32_t);
constexpr size_t kPayload = kCell - kHeader;
constexpr size_t kChunk = 64 * 1024;

// Headers that are no length. Filler stands where a writer was killed: as much as a reader takes at
// once, so that it never takes a part of somebody else's message for the rest of its own.
constexpr int32_t kContinued = -1;
constexpr int32_t kFiller = -2;

// How long a reader waits for the rest of a message before it asks whether its writer lives.
constexpr int kPatience = 50;  // milliseconds

// What cellsRead() returns instead of a length.
constexpr int kNothing = -1;
constexpr int kEnd = -2;
constexpr int kLost = -3;

size_t CellsFor(size_t length) { return std::max<size_t>((length + kPayload - 1) / kPayload, 1); }

bool WaitFor(int fd, short event, int milliseconds) {
  pollfd waiting{fd, event, 0};
  return poll(&waiting, 1, milliseconds) > 0;
}

int32_t HeaderOf(const uint8_t* cell) {
  int32_t header;
  memcpy(&header, cell, kHeader);
  return header;
}

// Also when another process made the pipe non-blocking.
int WriteWhole(int fd, const uint8_t* bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t n = Retry([&] { return write(fd, bytes + done, size - done); });
    if (n >= 0) {
      done += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      WaitFor(fd, POLLOUT, -1);
    } else {
      return errno;
    }
  }
  return 0;
}

int WriteFiller(int fd) {
  std::vector<uint8_t> filler(kChunk);
  for (size_t at = 0; at < kChunk; at += kCell) memcpy(&filler[at], &kFiller, kHeader);
  return WriteWhole(fd, filler.data(), filler.size());
}

// Reads one message, with the readers' lock held.
class CellReader {
 public:
  CellReader(int fd, Word& writers_lock) : fd_(fd), writers_lock_(writers_lock) {}

  // The length of the next message, whose first bytes are in first(); or one of the above.
  int Begin() {
    for (;;) {
      const ssize_t size = Retry([&] { return read(fd_, cell_, kCell); });
      if (size < 0) return errno == EAGAIN ? kNothing : Fail();
      if (size == 0) return kEnd;
      // The rest of a message whose reader was killed, or filler.
      if (HeaderOf(cell_) >= 0) return HeaderOf(cell_);
    }
  }

  // Copies the whole message. False if its writer did not end it.
  bool Finish(uint8_t* to, size_t length) {
    const size_t first = std::min(length, kPayload);
    memcpy(to, cell_ + kHeader, first);
    for (size_t done = first; done < length;) {
      const size_t wanted = std::min(CellsFor(length - done) * kCell, kChunk);
      const size_t got = ReadCells(wanted);
      if (got == 0) return false;
      for (size_t at = 0; at < got; at += kCell) {
        if (HeaderOf(chunk_ + at) != kContinued) return false;
        const size_t part = std::min(length - done, kPayload);
        memcpy(to + done, chunk_ + at + kHeader, part);
        done += part;
      }
    }
    return true;
  }

  int error() const { return error_; }

 private:
  int Fail() {
    error_ = errno;
    return kNothing;
  }

  // Waits for cells; 0 when none will come.
  size_t ReadCells(size_t wanted) {
    for (;;) {
      const ssize_t size = Retry([&] { return read(fd_, chunk_, wanted); });
      if (size >= 0) return static_cast<size_t>(size);
      if (errno != EAGAIN) return 0;
      if (!WaitFor(fd_, POLLIN, kPatience) && !HasWriter() && !WaitFor(fd_, POLLIN, 0)) return 0;
    }
  }

  // Whoever writes a message holds the lock until its end.
  bool HasWriter() const {
    const int32_t owner = writers_lock_.load() & ~kWaiters;
    return owner != 0 && !HasEnded(owner);
  }

  const int fd_;
  Word& writers_lock_;
  int error_ = 0;
  uint8_t cell_[kCell];
  uint8_t chunk_[kChunk];
};

// cellPipe(): a pipe, of which the reading end does not block.
Value CellPipe(const CallbackInfo& info) {
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
  fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK);
  auto result = Napi::Array::New(info.Env(), 2);
  result[0u] = Number::New(info.Env(), ends[0]);
  result[1u] = Number::New(info.Env(), ends[1]);
  return result;
}

// A buffer for a message that is longer than the scratch memory; null when memory is short.
Napi::Value BufferFor(Napi::Env env, size_t length, void** data) {
  napi_value buffer;
  if (napi_create_arraybuffer(env, length, data, &buffer) != napi_ok) {
    if (!env.IsExceptionPending()) ThrowErrno(env, ENOMEM, "read");
    return {};
  }
  return {env, buffer};
}

// cellsRead(fd, scratch, writersLock, index): the length of the message, which is in `scratch`; or
// an ArrayBuffer with it, when it is longer than that; or what is above.
Value CellsRead(const CallbackInfo& info) {
  Napi::Env env = info.Env();
  void* data = nullptr;
  size_t capacity = 0;
  napi_get_typedarray_info(env, info[1], nullptr, &capacity, &data, nullptr, nullptr);
  CellReader reader(info[0].As<Number>(), WordAt(info, 2));
  const int length = reader.Begin();
  if (reader.error() != 0) {
    ThrowErrno(env, reader.error(), "read");
    return {};
  }
  if (length < 0) return Number::New(env, length);
  Napi::Value result = Number::New(env, length);
  if (static_cast<size_t>(length) > capacity) {
    result = BufferFor(env, static_cast<size_t>(length), &data);
    if (result.IsEmpty()) return {};
  }
  const bool whole = reader.Finish(static_cast<uint8_t*>(data), static_cast<size_t>(length));
  return whole ? result : Number::New(env, kLost);
}

int WriteOne(int fd, Word& lock, int32_t owner, const uint8_t* message, size_t length) {
  CellWriter writer(fd, lock, owner);
  const int error = writer.Add(message, length);
  return error != 0 ? error : writer.Flush();
}

// cellsWrite(fd, lock, index, owner, buffer, length): writes one message; blocks while the pipe is
// full or the lock is another's.
void CellsWrite(const CallbackInfo& info) {
  const auto message = info[4].As<Napi::Uint8Array>();
  const int error = WriteOne(info[0].As<Number>(), WordAt(info, 1), info[3].As<Number>(),
                             message.Data(), info[5].As<Number>().Uint32Value());
  if (error != 0) ThrowErrno(info.Env(), error, "write");
}

// The same with a promise of an errno. Whoever closes the descriptor meanwhile does not close this
// copy of it: by then the number may be that of another file.
Value CellsWriteAsync(const CallbackInfo& info) {
  const int fd = fcntl(info[0].As<Number>().Int32Value(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) {
    ThrowErrno(info.Env(), errno, "dup");
    return {};
  }
  Word& lock = WordAt(info, 1);
  const int32_t owner = info[3].As<Number>();
  const uint8_t* data = info[4].As<Napi::Uint8Array>().Data();
  std::vector<uint8_t> message(data, data + info[5].As<Number>().Uint32Value());
  const Napi::Value promise =
      OnOwnThread(info.Env(), info[1], [fd, &lock, owner, message = std::move(message)] {
        const int error = WriteOne(fd, lock, owner, message.data(), message.size());
        close(fd);
        return error;
      });
  if (promise.IsEmpty()) close(fd);
  return promise;
}

}  // namespace

int CellWriter::Add(const uint8_t* message, size_t length) {
  if (size_ + CellsFor(length) * kCell > kCapacity) {
    if (const int error = Flush()) return error;
  }
  size_t done = std::min(length, kPayload);
  AddCell(static_cast<int32_t>(length), message, done);
  for (; done < length; done += std::min(length - done, kPayload)) {
    if (size_ == kCapacity) {
      if (const int error = Write()) return error;
    }
    AddCell(kContinued, message + done, std::min(length - done, kPayload));
  }
  return 0;
}

int CellWriter::Flush() {
  const int error = Write();
  if (locked_) ReleaseLock(lock_);
  locked_ = false;
  return error;
}

void CellWriter::AddCell(int32_t header, const uint8_t* bytes, size_t length) {
  uint8_t* const cell = buffer_ + size_;
  memcpy(cell, &header, kHeader);
  memcpy(cell + kHeader, bytes, length);
  memset(cell + kHeader + length, 0, kPayload - length);
  size_ += kCell;
}

// Keeps the lock: what was added may end in the middle of a message.
int CellWriter::Write() {
  const size_t size = size_;
  size_ = 0;
  if (size == 0) return 0;
  if (!locked_) {
    locked_ = true;
    const bool died = AcquireLock(lock_, owner_, Deadline::max()) == Acquired::kOwnerDied;
    if (died) WriteFiller(fd_);
  }
  return WriteWhole(fd_, buffer_, size);
}

void RegisterCells(Napi::Env env, Napi::Object exports) {
  exports.Set("cellPipe", Napi::Function::New(env, CellPipe, "cellPipe"));
  exports.Set("cellsRead", Napi::Function::New(env, CellsRead, "cellsRead"));
  exports.Set("cellsWrite", Napi::Function::New(env, CellsWrite, "cellsWrite"));
  exports.Set("cellsWriteAsync", Napi::Function::New(env, CellsWriteAsync, "cellsWriteAsync"));
}

}  // namespace multiproc

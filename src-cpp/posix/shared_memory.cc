#include "shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "error.h"

namespace multiproc {

class Mapping {
 public:
  Mapping(void* address, size_t length) : address_(address), length_(length) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { Unmap(); }

  void* address() const { return address_; }

  int Unmap() {
    if (address_ == MAP_FAILED) return 0;
    void* const address = address_;
    address_ = MAP_FAILED;
    return munmap(address, length_);
  }

 private:
  void* address_;
  size_t length_;
};

namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

// shmOpen(name, flags, mode): a descriptor; shm_open() makes it close-on-exec.
Value ShmOpen(const CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  const int flags = info[1].As<Number>();
  const auto mode = info[2].As<Number>().Uint32Value();
  const int fd = Retry([&] { return shm_open(name.c_str(), flags, mode); });
  if (fd < 0) {
    ThrowErrno(info.Env(), errno, "shm_open", name);
    return {};
  }
  return Number::New(info.Env(), fd);
}

// shmUnlink(name): removes the name; the object lives on while it is open or mapped.
void ShmUnlink(const CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  if (shm_unlink(name.c_str()) < 0) ThrowErrno(info.Env(), errno, "shm_unlink", name);
}

// posix_fallocate() would take all that there is before it fails.
bool HasRoomFor(int fd, off_t size) {
  struct statvfs system;
  if (fstatvfs(fd, &system) < 0) return true;
  return static_cast<uint64_t>(size) / system.f_frsize <= system.f_bavail;
}

// Gives the file its size and its memory: an access to a hole on a full system would be a SIGBUS.
int Allocate(int fd, off_t size) {
  if (!HasRoomFor(fd, size)) return ENOSPC;
  if (Retry([&] { return ftruncate(fd, size); }) < 0) return errno;
#ifdef __linux__
  int error;
  do {
    error = posix_fallocate(fd, 0, size);
  } while (error == EINTR);
  return error;
#else
  return 0;
#endif
}

// allocate(fd, size): ENOSPC when the memory is not there.
void AllocateFile(const CallbackInfo& info) {
  const int fd = info[0].As<Number>();
  const int error = Allocate(fd, info[1].As<Number>().Int64Value());
  if (error != 0) ThrowErrno(info.Env(), error, "ftruncate");
}

// fileSize(fd): bytes.
Value FileSize(const CallbackInfo& info) {
  struct stat status;
  if (fstat(info[0].As<Number>(), &status) < 0) {
    ThrowErrno(info.Env(), errno, "fstat");
    return {};
  }
  return Number::New(info.Env(), static_cast<double>(status.st_size));
}

// An ArrayBuffer that shows `length` bytes of a mapping, and keeps it.
Napi::ArrayBuffer View(Napi::Env env, const SharedMapping& mapping, size_t offset, size_t length) {
  auto* const address = static_cast<uint8_t*>(mapping->address()) + offset;
  const auto release = [](Napi::Env, void*, SharedMapping* owner) { delete owner; };
  return Napi::ArrayBuffer::New(env, address, length, release, new SharedMapping(mapping));
}

// mmap(length, protection, flags, fd, offset): an ArrayBuffer on the memory itself, and a handle
// for munmap().
Value Mmap(const CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto length = static_cast<size_t>(info[0].As<Number>().Int64Value());
  const int protection = info[1].As<Number>();
  const int flags = info[2].As<Number>();
  const int fd = info[3].As<Number>();
  void* const address =
      mmap(nullptr, length, protection, flags, fd, info[4].As<Number>().Int64Value());
  if (address == MAP_FAILED) {
    ThrowErrno(env, errno, "mmap");
    return {};
  }
  auto mapping = std::make_shared<Mapping>(address, length);
  auto buffer = View(env, mapping, 0, length);
  if (env.IsExceptionPending()) return {};
  auto handle = Napi::External<SharedMapping>::New(
      env, new SharedMapping(mapping), [](Napi::Env, SharedMapping* owner) { delete owner; });
  auto result = Napi::Array::New(env, 2);
  result[0u] = buffer;
  result[1u] = handle;
  return result;
}

// slice(handle, offset, length): another ArrayBuffer, on a part of the memory.
Value Slice(const CallbackInfo& info) {
  return View(info.Env(), MappingOf(info[0]),
              static_cast<size_t>(info[1].As<Number>().Int64Value()),
              static_cast<size_t>(info[2].As<Number>().Int64Value()));
}

// munmap(buffer, handle): first the buffer loses its memory, so that no view can reach it.
void Munmap(const CallbackInfo& info) {
  info[0].As<Napi::ArrayBuffer>().Detach();
  if (MappingOf(info[1])->Unmap() < 0) ThrowErrno(info.Env(), errno, "munmap");
}

}  // namespace

SharedMapping MappingOf(Napi::Value handle) {
  return *handle.As<Napi::External<SharedMapping>>().Data();
}

void RegisterSharedMemory(Napi::Env env, Napi::Object exports) {
  exports.Set("shmOpen", Napi::Function::New(env, ShmOpen, "shmOpen"));
  exports.Set("shmUnlink", Napi::Function::New(env, ShmUnlink, "shmUnlink"));
  exports.Set("allocate", Napi::Function::New(env, AllocateFile, "allocate"));
  exports.Set("fileSize", Napi::Function::New(env, FileSize, "fileSize"));
  exports.Set("mmap", Napi::Function::New(env, Mmap, "mmap"));
  exports.Set("slice", Napi::Function::New(env, Slice, "slice"));
  exports.Set("munmap", Napi::Function::New(env, Munmap, "munmap"));
}

}  // namespace multiproc

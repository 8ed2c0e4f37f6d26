#include "spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <string>

#include "error.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Value;

// The descriptors under which the program gets what is handed over to it begin here.
constexpr int kHandedOver = 3;
constexpr int kMaxHandedOver = 8;

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }

  void OpenNull(int fd, int flags) {
    posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", flags, 0);
  }
  void Duplicate(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  const posix_spawn_file_actions_t* Get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// Signals have their default actions and are blocked, until the program is ready for them.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* Get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// A close-on-exec copy of a descriptor, out of the way of those that the program gets.
class Copy {
 public:
  explicit Copy(int fd) : fd_(fcntl(fd, F_DUPFD_CLOEXEC, kHandedOver + kMaxHandedOver)) {}
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() {
    if (fd_ >= 0) close(fd_);
  }
  int Get() const { return fd_; }

 private:
  int fd_;
};

// spawn(path, fds): the pid of a new process that runs the program, without arguments or
// environment, with `fds` as its descriptors 3 and up, /dev/null as 0 and 1, and this process's
// stderr.
Value Spawn(const CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const auto fds = info[1].As<Napi::Array>();
  std::list<Copy> given;
  for (uint32_t i = 0; i < fds.Length(); ++i) {
    if (given.emplace_back(fds.Get(i).As<Number>()).Get() < 0) {
      ThrowErrno(info.Env(), errno, "fcntl");
      return {};
    }
  }
  // Node makes its own close-on-exec.
  const Copy errors(STDERR_FILENO);
  FileActions actions;
  actions.OpenNull(STDIN_FILENO, O_RDONLY);
  actions.OpenNull(STDOUT_FILENO, O_WRONLY);
  if (errors.Get() >= 0) actions.Duplicate(errors.Get(), STDERR_FILENO);
  int to = kHandedOver;
  for (const Copy& each : given) actions.Duplicate(each.Get(), to++);
  char* const arguments[] = {const_cast<char*>(path.c_str()), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid;
  const int error =
      posix_spawn(&pid, path.c_str(), actions.Get(), Attributes().Get(), arguments, environment);
  if (error != 0) {
    ThrowErrno(info.Env(), error, "posix_spawn", path);
    return {};
  }
  return Number::New(info.Env(), pid);
}

}  // namespace

void RegisterSpawn(Napi::Env env, Napi::Object exports) {
  exports.Set("spawn", Napi::Function::New(env, Spawn, "spawn"));
}

}  // namespace multiproc

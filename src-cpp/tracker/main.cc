// The resource tracker of one program: all processes that were forked from one another. It holds
// the names of their shared memory, and descriptors on their way from one to another. When all of
// them have ended, it unlinks what is left.
//
// A request is one message: a byte for the command, then a name or a key. The reply is two int32: 0
// or an errno, and the tracker's pid.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#ifdef __linux__
#include <sys/syscall.h>
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

namespace {

// What it gets from the process that starts it: a listening socket, and the reading end of a pipe
// whose writing end all processes of the program have.
constexpr int kListener = 3;
constexpr int kProgram = 4;
constexpr size_t kMaxMessage = 4096;
constexpr size_t kMaxDescriptors = 253;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int Get() const { return fd_; }

 private:
  int fd_;
};

using Descriptors = std::vector<Descriptor>;

struct Message {
  std::string text;
  Descriptors descriptors;
};

union Ancillary {
  cmsghdr header;
  char space[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
};

// One message. False at the end of the connection; too many descriptors for this process: EMFILE.
bool Receive(int fd, Message& message, int& error) {
  char bytes[kMaxMessage];
  iovec part{bytes, sizeof bytes};
  Ancillary ancillary;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = &ancillary;
  header.msg_controllen = sizeof ancillary;
  ssize_t size;
  do {
    size = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN;
  for (auto* each = CMSG_FIRSTHDR(&header); each; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = 0; at < each->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int received;
      memcpy(&received, CMSG_DATA(each) + at, sizeof received);
      message.descriptors.emplace_back(received);
    }
  }
  if (header.msg_flags & MSG_CTRUNC) error = EMFILE;
  if (header.msg_flags & MSG_TRUNC) error = EMSGSIZE;
  message.text.assign(bytes, static_cast<size_t>(size));
  return size > 0;
}

// 0 or errno.
int Reply(int fd, int32_t number, const Descriptors& descriptors = {}) {
  int32_t reply[]{number, getpid()};
  iovec part{reply, sizeof reply};
  Ancillary ancillary{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t bytes = descriptors.size() * sizeof(int);
    header.msg_control = &ancillary;
    header.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(bytes);
    auto* to = CMSG_DATA(control);
    for (const Descriptor& each : descriptors) {
      const int fd = each.Get();
      memcpy(to, &fd, sizeof fd);
      to += sizeof fd;
    }
  }
  ssize_t sent;
  do {
    sent = sendmsg(fd, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

// The inode of a shared memory object, 0 when there is none.
ino_t InodeOf(const std::string& name) {
  const Descriptor object(shm_open(name.c_str(), O_RDONLY, 0));
  struct stat status;
  if (object.Get() < 0 || fstat(object.Get(), &status) < 0) return 0;
  return status.st_ino;
}

// As Python shows a string.
std::string Quoted(const std::string& name) {
  const char quote =
      name.find('\'') != std::string::npos && name.find('"') == std::string::npos ? '"' : '\'';
  std::string text(1, quote);
  for (const char each : name) {
    const char digits[] = "0123456789abcdef";
    const auto code = static_cast<unsigned char>(each);
    if (each == quote || each == '\\') {
      (text += '\\') += each;
    } else if (each == '\n') {
      text += "\\n";
    } else if (each == '\r') {
      text += "\\r";
    } else if (each == '\t') {
      text += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      ((text += "\\x") += digits[code >> 4]) += digits[code & 15];
    } else {
      text += each;
    }
  }
  return text += quote;
}

// In one write, so that nobody's lines come between.
void Warn(const std::string& text) {
  const std::string line = "UserWarning: resource_tracker: " + text + "\n";
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

// The names of shared memory that the program has to unlink.
class Names {
 public:
  // False when the name was there already. A process that is going to create the object may find
  // another one's under that name, and be killed before it can say so: that one is not unlinked.
  bool Add(const std::string& name, bool creating) {
    const auto known = Find(name);
    if (known != entries_.end()) {
      if (!creating) known->others = 0;
      return false;
    }
    entries_.push_back({name, creating ? InodeOf(name) : 0});
    return true;
  }

  void Remove(const std::string& name) {
    const auto known = Find(name);
    if (known != entries_.end()) entries_.erase(known);
  }

  // The exit code: 1 when something was left, 2 when something could not be unlinked.
  int UnlinkAll() const {
    std::string leaked;
    std::string failures;
    size_t count = 0;
    for (const Entry& each : entries_) {
      if (each.others != 0 && each.others == InodeOf(each.name)) continue;
      const bool failed = shm_unlink(each.name.c_str()) < 0;
      // Another program has unlinked it: nothing has leaked.
      if (failed && errno == ENOENT) continue;
      if (failed) {
        failures += "\nUserWarning: resource_tracker: " + Quoted(each.name) + ": [Errno " +
                    std::to_string(errno) + "] " + strerror(errno);
      }
      leaked += (count++ == 0 ? "" : ", ") + Quoted(each.name);
    }
    if (count == 0) return 0;
    Warn("There appear to be " + std::to_string(count) +
         " leaked shared_memory objects to clean up at shutdown: {" + leaked + "}" + failures);
    return failures.empty() ? 1 : 2;
  }

 private:
  struct Entry {
    std::string name;
    // The inode of the object that had this name before; 0 when there was none.
    ino_t others;
  };

  std::vector<Entry>::iterator Find(const std::string& name) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& each) { return each.name == name; });
  }

  std::vector<Entry> entries_;
};

// Descriptors that were sent and not yet taken.
class Store {
 public:
  void Put(const std::string& key, Descriptors descriptors) {
    Remove(key);
    parcels_.push_back({key, std::move(descriptors)});
  }

  const Descriptors* Get(const std::string& key) {
    const auto found = Find(key);
    return found == parcels_.end() ? nullptr : &found->descriptors;
  }

  void Remove(const std::string& key) {
    const auto found = Find(key);
    if (found != parcels_.end()) parcels_.erase(found);
  }

 private:
  struct Parcel {
    std::string key;
    Descriptors descriptors;
  };

  std::vector<Parcel>::iterator Find(const std::string& key) {
    return std::find_if(parcels_.begin(), parcels_.end(),
                        [&](const Parcel& each) { return each.key == key; });
  }

  std::vector<Parcel> parcels_;
};

class Tracker {
 public:
  // Until the program has ended. The exit code.
  int Run() {
    for (;;) {
      std::vector<pollfd> fds{{kProgram, POLLIN, 0}, {kListener, POLLIN, 0}};
      for (const Descriptor& each : connections_) fds.push_back({each.Get(), POLLIN, 0});
      if (poll(fds.data(), fds.size(), -1) < 0) continue;
      if (fds[0].revents != 0) return names_.UnlinkAll();
      // From the last, so that the places of the others stay.
      for (size_t i = fds.size() - 1; i > 1; --i) {
        if (fds[i].revents != 0) Serve(i - 2);
      }
      if (fds[1].revents != 0) Accept();
    }
  }

 private:
  void Accept() {
    Descriptor connection(accept(kListener, nullptr, nullptr));
    if (connection.Get() < 0) {
      // Until somebody closes a connection.
      if (errno == EMFILE || errno == ENFILE) Pause();
      return;
    }
    fcntl(connection.Get(), F_SETFD, FD_CLOEXEC);
    fcntl(connection.Get(), F_SETFL, O_NONBLOCK);
    if (IsOurs(connection.Get())) connections_.push_back(std::move(connection));
  }

  static void Pause() {
    const timespec pause{0, 10'000'000};
    nanosleep(&pause, nullptr);
  }

  static bool IsOurs(int fd) {
#ifdef __linux__
    ucred peer{};
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
#else
    uid_t user;
    gid_t group;
    return getpeereid(fd, &user, &group) == 0 && user == geteuid();
#endif
  }

  void Serve(size_t index) {
    const auto at = connections_.begin() + static_cast<std::ptrdiff_t>(index);
    Message message;
    int error = 0;
    if (!Receive(at->Get(), message, error)) {
      connections_.erase(at);
    } else if (error != 0) {
      Reply(at->Get(), error);
    } else if (!message.text.empty()) {
      Do(at->Get(), message);
    }
  }

  void Do(int from, Message& message) {
    const std::string argument = message.text.substr(1);
    switch (message.text[0]) {
      case 'p':
        Reply(from, 0);
        break;
      case 'c':
        Register(from, argument, true);
        break;
      case 'r':
        Register(from, argument, false);
        break;
      case 'u':
        names_.Remove(argument);
        Reply(from, 0);
        break;
      case 'd':
        store_.Put(argument, std::move(message.descriptors));
        // Who did not wait for the answer has not got the key.
        if (Reply(from, 0) != 0) store_.Remove(argument);
        break;
      case 'w':
        Withdraw(from, argument);
        break;
      default:
        Reply(from, EINVAL);
    }
  }

  void Register(int from, const std::string& name, bool creating) {
    const bool added = names_.Add(name, creating);
    // Who did not wait for the answer creates nothing.
    if (Reply(from, added ? 0 : EEXIST) != 0 && added) names_.Remove(name);
  }

  void Withdraw(int from, const std::string& key) {
    const Descriptors* parcel = store_.Get(key);
    if (parcel == nullptr) {
      Reply(from, ENOENT);
      return;
    }
    const int error = Reply(from, 0, *parcel);
    if (error == 0) {
      store_.Remove(key);
    } else {
      Reply(from, error);
    }
  }

  Names names_;
  Store store_;
  std::vector<Descriptor> connections_;
};

// Everything but stderr and what it was given was not meant for this program.
void CloseOthers() {
  if (fcntl(STDERR_FILENO, F_GETFD) < 0) dup2(STDOUT_FILENO, STDERR_FILENO);
#if defined(__linux__) && defined(SYS_close_range)
  if (syscall(SYS_close_range, kProgram + 1, ~0U, 0) == 0) return;
#endif
  const long limit = std::min(sysconf(_SC_OPEN_MAX), 65536L);
  for (int fd = kProgram + 1; fd < limit; ++fd) close(fd);
}

void IgnoreSignals() {
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2}) {
    signal(each, SIG_IGN);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main() {
  // Nobody's child: whoever started this need not wait for its end.
  const pid_t pid = fork();
  if (pid != 0) _exit(pid < 0 ? errno : 0);
  setsid();
  IgnoreSignals();
  CloseOthers();
  RaiseDescriptorLimit();
  if (chdir("/") < 0) return EXIT_FAILURE;
  fcntl(kListener, F_SETFL, O_NONBLOCK);
#ifndef __linux__
  sockaddr_un address{};
  socklen_t size = sizeof address;
  getsockname(kListener, reinterpret_cast<sockaddr*>(&address), &size);
#endif
  const int code = Tracker().Run();
#ifndef __linux__
  unlink(address.sun_path);
#endif
  return code;
}

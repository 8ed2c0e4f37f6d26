#include "thread.h"

#include <pthread.h>
#include <signal.h>

#include <memory>
#include <utility>

namespace multiproc {
namespace {

// A default stack would be eight megabytes of address space.
constexpr size_t kStackSize = 256 * 1024;

void* Run(void* body) {
  const std::unique_ptr<std::function<void()>> owned(static_cast<std::function<void()>*>(body));
  (*owned)();
  return nullptr;
}

}  // namespace

int StartThread(std::function<void()> body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackSize);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // A thread begins with the mask of its creator.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  auto owned = std::make_unique<std::function<void()>>(std::move(body));
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, Run, owned.get());
  if (error == 0) owned.release();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace multiproc

// Registers the parts of the addon `posix`, which holds the system calls.
#include <napi.h>

#include "posix/address.h"
#include "posix/cells.h"
#include "posix/constants.h"
#include "posix/descriptor.h"
#include "posix/error.h"
#include "posix/feeder.h"
#include "posix/frame.h"
#include "posix/local_socket.h"
#include "posix/lock.h"
#include "posix/message_queue.h"
#include "posix/process.h"
#include "posix/program.h"
#include "posix/semaphore.h"
#include "posix/shared_memory.h"
#include "posix/spawn.h"
#include "posix/watch.h"

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  // The globals of the main context: under Jest, a module's own `process` is a copy.
  exports.Set("global", env.Global());
  multiproc::RegisterErrors(env, exports);
  multiproc::RegisterConstants(env, exports);
  multiproc::RegisterProcess(env, exports);
  multiproc::RegisterDescriptor(env, exports);
  multiproc::RegisterSemaphore(env, exports);
  multiproc::RegisterMessageQueue(env, exports);
  multiproc::RegisterSharedMemory(env, exports);
  multiproc::RegisterAddress(env, exports);
  multiproc::RegisterLock(env, exports);
  multiproc::RegisterCells(env, exports);
  multiproc::RegisterFeeder(env, exports);
  multiproc::RegisterFrame(env, exports);
  multiproc::RegisterWatch(env, exports);
  multiproc::RegisterLocalSocket(env, exports);
  multiproc::RegisterSpawn(env, exports);
  multiproc::RegisterProgram(env, exports);
  return exports;
}

NODE_API_MODULE(posix, Initialize)

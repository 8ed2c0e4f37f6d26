#include "platform.h"

#include <node.h>
#include <uv.h>

#include <atomic>
#include <cstdint>
#include <cstring>

#include "worker_isolates.h"

namespace multiproc {
namespace {

using v8::Task;
using v8::TaskPriority;

WorkerPool* pool = nullptr;

// Node 24 waits in DrainTasks for tasks that block the user, older ones for all of them.
constexpr bool kDrainOnlyUserBlocking = V8_MAJOR_VERSION >= 13;

bool IsDrained(TaskPriority priority) {
  return !kDrainOnlyUserBlocking || priority == TaskPriority::kUserBlocking;
}

void DrainTasks(node::MultiIsolatePlatform* self, v8::Isolate* isolate) {
  // A background task may wait for a foreground one, so the wait for it must not be endless.
  do {
    while (!pool->Drain(std::chrono::milliseconds(1))) self->FlushForegroundTasks(isolate);
  } while (self->FlushForegroundTasks(isolate));
}

using Register = void (*)(node::MultiIsolatePlatform*, v8::Isolate*, uv_loop_s*);
using Unregister = void (*)(node::MultiIsolatePlatform*, v8::Isolate*);

Register node_register;
Unregister node_unregister;

void RegisterIsolate(node::MultiIsolatePlatform* self, v8::Isolate* isolate, uv_loop_s* loop) {
  node_register(self, isolate, loop);
  AddWorkerIsolate(isolate);
}

void UnregisterIsolate(node::MultiIsolatePlatform* self, v8::Isolate* isolate) {
  RemoveWorkerIsolate(isolate);
  node_unregister(self, isolate);
}

// The Itanium C++ ABI: a pointer to a virtual member function holds its offset in the vtable.
template <typename Method>
size_t SlotOf(Method method) {
  static_assert(sizeof(method) == 2 * sizeof(uintptr_t));
  uintptr_t words[2];
  memcpy(words, &method, sizeof words);
#if defined(__aarch64__) || defined(__arm__)
  return words[0] / sizeof(void*);
#else
  return (words[0] - 1) / sizeof(void*);
#endif
}

#if V8_MAJOR_VERSION >= 12

using PostFunction = void (*)(v8::Platform*, TaskPriority, std::unique_ptr<Task>,
                              const v8::SourceLocation&);

void Post(v8::Platform*, TaskPriority priority, std::unique_ptr<Task> task,
          const v8::SourceLocation&) {
  pool->Post(std::move(task), priority, IsDrained(priority));
}

void PostDelayed(v8::Platform*, TaskPriority priority, std::unique_ptr<Task> task, double delay,
                 const v8::SourceLocation&) {
  pool->PostDelayed(std::move(task), priority, delay);
}

// Derived only to name the protected methods.
struct Slots : node::MultiIsolatePlatform {
  static size_t Post() { return SlotOf(&Slots::PostTaskOnWorkerThreadImpl); }
  static size_t PostDelayed() { return SlotOf(&Slots::PostDelayedTaskOnWorkerThreadImpl); }
};

void CallPost(PostFunction post, v8::Platform* platform, std::unique_ptr<Task> task) {
  // The lowest priority: the task comes after everything that is queued.
  post(platform, TaskPriority::kBestEffort, std::move(task), v8::SourceLocation::Current());
}

#else

using PostFunction = void (*)(v8::Platform*, std::unique_ptr<Task>);

void Post(v8::Platform*, std::unique_ptr<Task> task) {
  pool->Post(std::move(task), TaskPriority::kUserVisible, IsDrained(TaskPriority::kUserVisible));
}

void PostDelayed(v8::Platform*, std::unique_ptr<Task> task, double delay) {
  pool->PostDelayed(std::move(task), TaskPriority::kUserVisible, delay);
}

struct Slots {
  static size_t Post() { return SlotOf(&v8::Platform::CallOnWorkerThread); }
  static size_t PostDelayed() { return SlotOf(&v8::Platform::CallDelayedOnWorkerThread); }
};

void CallPost(PostFunction post, v8::Platform* platform, std::unique_ptr<Task> task) {
  post(platform, std::move(task));
}

#endif

// More than any Node's platform has. What lies behind its vtable is copied along and never used.
constexpr size_t kMaxSlots = 64;
// In front of the first slot: the offset to the top and the type information.
constexpr size_t kPrefix = 2;

// Gives this one object a vtable of its own; returns Node's function for posting a task.
PostFunction RedirectSlots(v8::Platform* platform) {
  auto& vptr = *reinterpret_cast<void***>(platform);
  auto** table = new void*[kPrefix + kMaxSlots];  // as long-lived as the platform
  memcpy(table, vptr - kPrefix, (kPrefix + kMaxSlots) * sizeof(void*));
  void** slots = table + kPrefix;
  auto original = reinterpret_cast<PostFunction>(slots[Slots::Post()]);
  slots[Slots::Post()] = reinterpret_cast<void*>(&Post);
  slots[Slots::PostDelayed()] = reinterpret_cast<void*>(&PostDelayed);
  slots[SlotOf(&node::MultiIsolatePlatform::DrainTasks)] = reinterpret_cast<void*>(&DrainTasks);
  using RegisterMethod = void (node::MultiIsolatePlatform::*)(v8::Isolate*, uv_loop_s*);
  auto& register_slot = slots[SlotOf<RegisterMethod>(&node::MultiIsolatePlatform::RegisterIsolate)];
  auto& unregister_slot = slots[SlotOf(&node::MultiIsolatePlatform::UnregisterIsolate)];
  node_register = reinterpret_cast<Register>(register_slot);
  node_unregister = reinterpret_cast<Unregister>(unregister_slot);
  register_slot = reinterpret_cast<void*>(&RegisterIsolate);
  unregister_slot = reinterpret_cast<void*>(&UnregisterIsolate);
  std::atomic_ref(vptr).store(slots, std::memory_order_release);
  return original;
}

// Keeps each of Node's threads busy at the same moment: afterwards none is inside a task of V8's.
class Barrier {
 public:
  Barrier(PostFunction post, v8::Platform* platform, int workers) {
    uv_sem_init(&arrived_, 0);
    uv_sem_init(&leave_, 0);
    for (int i = 0; i < workers; ++i) CallPost(post, platform, std::make_unique<Stop>(this));
    for (int i = 0; i < workers; ++i) uv_sem_wait(&arrived_);
    for (int i = 0; i < workers; ++i) uv_sem_post(&leave_);
    // Once more, so that no thread still uses the semaphores when they go.
    for (int i = 0; i < workers; ++i) uv_sem_wait(&arrived_);
    uv_sem_destroy(&arrived_);
    uv_sem_destroy(&leave_);
  }

 private:
  struct Stop : Task {
    explicit Stop(Barrier* barrier) : barrier(barrier) {}
    void Run() override {
      uv_sem_post(&barrier->arrived_);
      uv_sem_wait(&barrier->leave_);
      uv_sem_post(&barrier->arrived_);
    }
    Barrier* barrier;
  };

  uv_sem_t arrived_;
  uv_sem_t leave_;
};

}  // namespace

WorkerPool* TakeOverPlatform(v8::Local<v8::Context> context) {
  if (pool != nullptr) return pool;
  auto* platform = node::GetMultiIsolatePlatform(node::GetCurrentEnvironment(context));
  // Node counts the thread that schedules delayed tasks, too.
  const int workers = platform->NumberOfWorkerThreads() - 1;
  if (workers <= 0) return nullptr;
  pool = new WorkerPool(workers);
  Barrier(RedirectSlots(platform), platform, workers);
  return pool;
}

}  // namespace multiproc

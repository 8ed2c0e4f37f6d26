// The addon `fork`: fork(2) for a process that runs V8 and Node. See docs/fork.md.

#include <node.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <vector>

#include "boot.h"
#include "heap_memory.h"
#include "loop.h"
#include "platform.h"
#include "random_draws.h"
#include "worker_isolates.h"
#include "worker_pool.h"

namespace multiproc {
namespace {

using v8::Array;
using v8::Context;
using v8::Function;
using v8::FunctionCallbackInfo;
using v8::HandleScope;
using v8::Integer;
using v8::Isolate;
using v8::Local;
using v8::Object;
using v8::Value;

WorkerPool* pool = nullptr;
// In a child: the descriptors of the parent's streams that were put to rest.
std::vector<int> disarmed;
// Called in a child just before it ends, with the exit code.
v8::Global<Function> on_exit;

// Blocks all signals for the time of its life, in both processes.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// V8's background threads hold V8's locks while they work, so the fork waits until all are idle.
class ParkedPool {
 public:
  explicit ParkedPool(Local<Context> context, Local<Function> any) {
    if (pool == nullptr) return;
    // A background task may wait for this thread to collect garbage, which happens when it runs
    // JavaScript.
    while (!pool->Park(std::chrono::milliseconds(1))) {
      any->Call(context, v8::Undefined(Isolate::GetCurrent()), 0, nullptr).IsEmpty();
    }
  }
  ~ParkedPool() {
    if (pool == nullptr) return;
    if (in_child_) {
      pool->RestartInChild();
    } else {
      pool->Unpark();
    }
  }
  void ResetInChild() { in_child_ = true; }

 private:
  bool in_child_ = false;
};

// Worker threads run JavaScript of their own, and take V8's locks as well.
class ParkedWorkers {
 public:
  ParkedWorkers() { ParkWorkerIsolates(); }
  ~ParkedWorkers() {
    if (!in_child_) ReleaseWorkerIsolates();
  }
  void ResetInChild() {
    in_child_ = true;
    ForgetWorkerIsolates();
  }

 private:
  bool in_child_ = false;
};

// Node's ordinary exit joins threads that a child does not have.
void ExitChild(int code) {
  if (!on_exit.IsEmpty()) {
    Isolate* isolate = Isolate::GetCurrent();
    HandleScope scope(isolate);
    v8::TryCatch ignored(isolate);
    Local<Value> argument = Integer::New(isolate, code);
    on_exit.Get(isolate)
        ->Call(isolate->GetCurrentContext(), v8::Undefined(isolate), 1, &argument)
        .IsEmpty();
  }
  fflush(stdout);
  fflush(stderr);
  _exit(code);
}

// Node's handlers of these two restore the terminal, which is the parent's to do; a child that
// blocks must end by them.
void RestoreSignalDispositions() {
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

// The child's side of Fork(), still with signals blocked.
void BecomeChild(Local<Context> context, const std::vector<int>* kept) {
  uv_loop_t* loop = node::GetCurrentEventLoop(Isolate::GetCurrent());
  CopiedHeap::ForgetInChild();
  if (kept == nullptr) {
    ForkLoop(loop);
  } else {
    disarmed = ForkLoopClean(loop, *kept);
    RestoreSignalDispositions();
  }
  node::SetProcessExitHandler(node::GetCurrentEnvironment(context),
                              [](node::Environment*, int code) { ExitChild(code); });
}

std::vector<int> Descriptors(Local<Context> context, Local<Array> array) {
  std::vector<int> result;
  for (uint32_t i = 0; i < array->Length(); ++i) {
    result.push_back(array->Get(context, i).ToLocalChecked()->Int32Value(context).FromMaybe(-1));
  }
  return result;
}

// fork(any, kept): the pid of the child in the parent, 0 in the child, -errno when it failed.
// `kept` are the descriptors whose handles live on in the child; null: everything does.
void Fork(const FunctionCallbackInfo<Value>& args) {
  Isolate* isolate = args.GetIsolate();
  Local<Context> context = isolate->GetCurrentContext();
  const bool clean = args[1]->IsArray();
  std::vector<int> kept;
  if (clean) kept = Descriptors(context, args[1].As<Array>());
  fflush(stdout);
  fflush(stderr);
  pid_t pid;
  int error;
  {
    ParkedWorkers workers;
    ParkedPool parked(context, args[0].As<Function>());
    SignalsBlocked blocked;
    CopiedHeap copied;
    CompletionLock completions(node::GetCurrentEventLoop(isolate));
    pid = fork();
    error = errno;
    if (pid == 0) {
      completions.ResetInChild();
      parked.ResetInChild();
      workers.ResetInChild();
      BecomeChild(context, clean ? &kept : nullptr);
    }
  }
  args.GetReturnValue().Set(pid < 0 ? -error : pid);
}

void Disarmed(const FunctionCallbackInfo<Value>& args) {
  const int fd = args[0].As<v8::Int32>()->Value();
  args.GetReturnValue().Set(std::find(disarmed.begin(), disarmed.end(), fd) != disarmed.end());
}

void Exit(const FunctionCallbackInfo<Value>& args) { ExitChild(args[0].As<v8::Int32>()->Value()); }

void UnwindStack(const FunctionCallbackInfo<Value>& args) {
  Unwind(args.GetIsolate()->GetCurrentContext(), args[0].As<Function>(), args[1].As<Function>(),
         args[2].As<Function>(), args[3]->IsTrue());
}

void ClearAsyncIdStack(const FunctionCallbackInfo<Value>& args) {
  ClearAsyncIds(args.GetIsolate()->GetCurrentContext(), args[0].As<Function>());
}

void OnExit(const FunctionCallbackInfo<Value>& args) {
  on_exit.Reset(args.GetIsolate(), args[0].As<Function>());
}

// Called with the promise of an asynchronous WebAssembly operation that has finished: whether to
// settle it.
v8::Global<Function> settles_wasm;

void SettleWasm(Isolate* isolate, Local<Context> context, Local<v8::Promise::Resolver> resolver,
                Local<Value> result, v8::WasmAsyncSuccess success) {
  Local<Value> promise = resolver->GetPromise();
  Local<Value> settles;
  if (!settles_wasm.Get(isolate)
           ->Call(context, v8::Undefined(isolate), 1, &promise)
           .ToLocal(&settles) ||
      !settles->IsTrue()) {
    return;
  }
  if (success == v8::WasmAsyncSuccess::kSuccess) {
    resolver->Resolve(context, result).FromMaybe(false);
  } else {
    resolver->Reject(context, result).FromMaybe(false);
  }
}

void OnWasm(const FunctionCallbackInfo<Value>& args) {
  settles_wasm.Reset(args.GetIsolate(), args[0].As<Function>());
  args.GetIsolate()->SetWasmAsyncResolvePromiseCallback(SettleWasm);
}

void DrawsRandom(const FunctionCallbackInfo<Value>& args) {
  Local<Context> context = args.GetIsolate()->GetCurrentContext();
  args.GetReturnValue().Set(DrawsRandomBytes([&] {
    Local<Value> ignored;
    (void)args[0].As<Function>()->Call(context, context->Global(), 0, nullptr).ToLocal(&ignored);
  }));
}

// Stops async_hooks from following promises: the child's `before` hook is for timers, immediates
// and ticks, and following promises would make them slow.
void StopPromiseHooks(const FunctionCallbackInfo<Value>& args) {
  args.GetIsolate()->GetCurrentContext()->SetPromiseHooks({}, {}, {}, {});
}

void Initialize(Local<Object> exports, Local<Value>, Local<Context> context, void*) {
  NODE_SET_METHOD(exports, "fork", Fork);
  NODE_SET_METHOD(exports, "disarmed", Disarmed);
  NODE_SET_METHOD(exports, "unwind", UnwindStack);
  NODE_SET_METHOD(exports, "clearAsyncIds", ClearAsyncIdStack);
  NODE_SET_METHOD(exports, "exit", Exit);
  NODE_SET_METHOD(exports, "onExit", OnExit);
  NODE_SET_METHOD(exports, "onWasm", OnWasm);
  NODE_SET_METHOD(exports, "drawsRandomBytes", DrawsRandom);
  NODE_SET_METHOD(exports, "stopPromiseHooks", StopPromiseHooks);
  pool = TakeOverPlatform(context);
}

}  // namespace
}  // namespace multiproc

NODE_MODULE_INIT(/* exports, module, context */) {
  multiproc::Initialize(exports, module, context, nullptr);
}

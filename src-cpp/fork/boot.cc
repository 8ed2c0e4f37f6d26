#include "boot.h"

#include <node.h>
#include <uv.h>

#include <cstring>
#include <memory>
#include <utility>

#include "loop.h"

namespace multiproc {
namespace {

using v8::Context;
using v8::Function;
using v8::Isolate;
using v8::Local;

// Ends JavaScript at the next function that is entered.
void Terminate(Isolate* isolate) { isolate->TerminateExecution(); }

// A checkpoint that is terminated empties the queue.
void DropPromiseJobs(Isolate* isolate, Local<Context> context) {
  v8::MicrotaskQueue* queue = context->GetMicrotaskQueue();
  if (queue->IsRunningMicrotasks()) return;  // the unwinding of the stack does the same
  isolate->TerminateExecution();
  queue->PerformCheckpoint(isolate);
  isolate->CancelTerminateExecution();
}

// Node calls these two again until they return: it must not be kept from that.
bool InTimersOrImmediates(Isolate* isolate) {
  Local<v8::StackTrace> stack =
      v8::StackTrace::CurrentStackTrace(isolate, 10000, v8::StackTrace::kFunctionName);
  if (stack->GetFrameCount() == 0) return false;
  Local<v8::StackFrame> outermost = stack->GetFrame(isolate, stack->GetFrameCount() - 1);
  v8::String::Utf8Value function(isolate, outermost->GetFunctionName());
  if (*function == nullptr) return false;
  return strcmp(*function, "processTimers") == 0 || strcmp(*function, "processImmediate") == 0;
}

// No JavaScript of the parent's while the native stack unwinds: libuv and Node may be amid a batch
// of callbacks there. Ends by itself with the phase of the event loop.
class Silence {
 public:
  static void Begin(Isolate* isolate, Local<Context> context, bool locked) {
    (new Silence(isolate, context, locked))->EndWithPhase();
  }

 private:
  using NoJobs = Isolate::SuppressMicrotaskExecutionScope;

  Silence(Isolate* isolate, Local<Context> context, bool locked)
      : isolate_(isolate),
        context_(isolate, context),
        no_jobs_(std::make_unique<NoJobs>(isolate, context->GetMicrotaskQueue())),
        locked_(locked) {
    if (locked_) isolate->AddBeforeCallEnteredCallback(Terminate);
  }

  // Whichever phase comes next, one of these is the first to run in it. After polling that is the
  // check; after any other phase it may be the timers, where a lock would hang.
  void EndWithPhase() {
    uv_loop_t* loop = node::GetCurrentEventLoop(isolate_);
    uv_check_init(loop, &check_);
    uv_prepare_init(loop, &prepare_);
    uv_timer_init(loop, &timer_);
    check_.data = prepare_.data = timer_.data = this;
    uv_check_start(&check_, [](uv_check_t* handle) { Of(handle)->End(); });
    uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { Of(handle)->End(); });
    // Due since the beginning of time, so that it comes before Node's.
    const uint64_t now = std::exchange(loop->time, 0);
    uv_timer_start(
        &timer_, [](uv_timer_t* handle) { Of(handle)->End(); }, 0, 0);
    loop->time = now;
  }

  template <typename Handle>
  static Silence* Of(Handle* handle) {
    return static_cast<Silence*>(handle->data);
  }

  void End() {
    if (locked_) isolate_->RemoveBeforeCallEnteredCallback(Terminate);
    no_jobs_.reset();
    v8::HandleScope scope(isolate_);
    DropPromiseJobs(isolate_, context_.Get(isolate_));
    for (uv_handle_t* handle :
         {reinterpret_cast<uv_handle_t*>(&check_), reinterpret_cast<uv_handle_t*>(&prepare_),
          reinterpret_cast<uv_handle_t*>(&timer_)}) {
      uv_close(handle, [](uv_handle_t* closed) {
        if (--Of(closed)->open_ == 0) delete Of(closed);
      });
    }
  }

  Isolate* isolate_;
  v8::Global<Context> context_;
  std::unique_ptr<NoJobs> no_jobs_;
  bool locked_;
  int open_ = 3;
  uv_check_t check_;
  uv_prepare_t prepare_;
  uv_timer_t timer_;
};

// Never closed: a handle that is referenced keeps the loop from running dry, which would end the
// process by Node's ordinary exit. On the heap, because a grandchild boots with one of its own.
struct Boot {
  uv_async_t async;
  Isolate* isolate;
  v8::Global<Context> context;
  v8::Global<Function> prelude;
  v8::Global<Function> main;

  static void Run(uv_async_t* async) {
    auto* boot = static_cast<Boot*>(async->data);
    Isolate* isolate = boot->isolate;
    v8::HandleScope scope(isolate);
    Local<Context> context = boot->context.Get(isolate);
    Context::Scope context_scope(context);
    const bool first = !boot->prelude.IsEmpty();
    v8::Global<Function> next(std::move(first ? boot->prelude : boot->main));
    if (next.IsEmpty()) return;
    if (first) {
      uv_async_send(async);
    } else {
      WakeKept();
    }
    // Reports what is thrown, and forgets it: otherwise V8 throws it again at the next occasion.
    v8::TryCatch reporting(isolate);
    reporting.SetVerbose(true);
    node::MakeCallback(isolate, context->Global(), next.Get(isolate), 0, nullptr, {0, 0})
        .FromMaybe(Local<v8::Value>());
  }
};

}  // namespace

void ClearAsyncIds(Local<Context> context, Local<Function> thrower) {
  Isolate* isolate = Isolate::GetCurrent();
  v8::TryCatch failure(isolate);
  thrower->Call(context, v8::Undefined(isolate), 0, nullptr).IsEmpty();
  node::FatalException(isolate, failure);
}

void Unwind(Local<Context> context, Local<Function> prelude, Local<Function> main,
            Local<Function> any, bool in_script) {
  Isolate* isolate = Isolate::GetCurrent();
  DropPromiseJobs(isolate, context);
  if (!in_script) Silence::Begin(isolate, context, !InTimersOrImmediates(isolate));
  auto* boot = new Boot{{}, isolate, {isolate, context}, {isolate, prelude}, {isolate, main}};
  boot->async.data = boot;
  uv_async_init(node::GetCurrentEventLoop(isolate), &boot->async, Boot::Run);
  uv_async_send(&boot->async);
  isolate->TerminateExecution();
  any->Call(context, v8::Undefined(isolate), 0, nullptr).IsEmpty();
}

}  // namespace multiproc

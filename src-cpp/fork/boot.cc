#include "boot.h"

#include <node.h>
#include <uv.h>

#include <cstring>
#include <memory>

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

// Node's timer loop calls JavaScript again until it returns: it must not be kept from that.
bool InTimers(Isolate* isolate) {
  const auto options = static_cast<v8::StackTrace::StackTraceOptions>(
      v8::StackTrace::kFunctionName | v8::StackTrace::kScriptName);
  Local<v8::StackTrace> stack = v8::StackTrace::CurrentStackTrace(isolate, 10000, options);
  if (stack->GetFrameCount() == 0) return false;
  Local<v8::StackFrame> outermost = stack->GetFrame(isolate, stack->GetFrameCount() - 1);
  v8::String::Utf8Value function(isolate, outermost->GetFunctionName());
  return *function != nullptr && strcmp(*function, "processTimers") == 0;
}

// No JavaScript of the parent's while the native stack unwinds: libuv and Node may be amid a batch
// of callbacks there.
class Silence {
 public:
  Silence(Isolate* isolate, Local<Context> context, bool in_timers)
      : isolate_(isolate),
        no_jobs_(isolate, context->GetMicrotaskQueue()),
        locked_(!in_timers) {
    if (locked_) isolate->AddBeforeCallEnteredCallback(Terminate);
  }
  ~Silence() {
    if (locked_) isolate_->RemoveBeforeCallEnteredCallback(Terminate);
  }

 private:
  Isolate* isolate_;
  Isolate::SuppressMicrotaskExecutionScope no_jobs_;
  bool locked_;
};

// Never closed: a handle that is referenced keeps the loop from running dry, which would end the
// process by Node's ordinary exit. On the heap, because a grandchild boots with one of its own.
struct Boot {
  uv_async_t async;
  Isolate* isolate;
  v8::Global<Context> context;
  v8::Global<Function> prelude;
  v8::Global<Function> main;
  std::unique_ptr<Silence> silence;

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
      boot->silence.reset();
      DropPromiseJobs(isolate, context);
      uv_async_send(async);
    }
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
  const bool in_timers = !in_script && InTimers(isolate);
  auto* boot = new Boot{{},
                        isolate,
                        {isolate, context},
                        {isolate, prelude},
                        {isolate, main},
                        std::make_unique<Silence>(isolate, context, in_timers)};
  boot->async.data = boot;
  uv_async_init(node::GetCurrentEventLoop(isolate), &boot->async, Boot::Run);
  uv_async_send(&boot->async);
  isolate->TerminateExecution();
  any->Call(context, v8::Undefined(isolate), 0, nullptr).IsEmpty();
}

}  // namespace multiproc

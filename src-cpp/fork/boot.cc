#include "boot.h"

#include <node.h>
#include <uv.h>

namespace multiproc {
namespace {

using v8::Context;
using v8::Function;
using v8::Isolate;
using v8::Local;

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
    boot->isolate->CancelTerminateExecution();
    v8::HandleScope scope(boot->isolate);
    const bool first = !boot->prelude.IsEmpty();
    v8::Global<Function> next(std::move(first ? boot->prelude : boot->main));
    if (next.IsEmpty()) return;
    if (first) uv_async_send(async);
    Local<Context> context = boot->context.Get(boot->isolate);
    Context::Scope context_scope(context);
    node::MakeCallback(boot->isolate, context->Global(), next.Get(boot->isolate), 0, nullptr,
                       {0, 0})
        .FromMaybe(Local<v8::Value>());
  }
};

// A checkpoint that is terminated empties the queue. Inside a promise job the unwinding of the
// stack does the same.
void DropPromiseJobs(Isolate* isolate, Local<Context> context) {
  v8::MicrotaskQueue* queue = context->GetMicrotaskQueue();
  if (queue->IsRunningMicrotasks()) return;
  isolate->TerminateExecution();
  queue->PerformCheckpoint(isolate);
  isolate->CancelTerminateExecution();
}

}  // namespace

void ClearAsyncIds(Local<Context> context, Local<Function> thrower) {
  Isolate* isolate = Isolate::GetCurrent();
  v8::TryCatch failure(isolate);
  thrower->Call(context, v8::Undefined(isolate), 0, nullptr).IsEmpty();
  node::FatalException(isolate, failure);
}

void Unwind(Local<Context> context, Local<Function> prelude, Local<Function> main,
            Local<Function> any) {
  Isolate* isolate = Isolate::GetCurrent();
  DropPromiseJobs(isolate, context);
  auto* boot = new Boot{{},
                        isolate,
                        {isolate, context},
                        {isolate, prelude},
                        {isolate, main}};
  boot->async.data = boot;
  uv_async_init(node::GetCurrentEventLoop(isolate), &boot->async, Boot::Run);
  uv_async_send(&boot->async);
  isolate->TerminateExecution();
  // The request takes effect where JavaScript checks its stack: at the entry of a function.
  any->Call(context, v8::Undefined(isolate), 0, nullptr).IsEmpty();
}

}  // namespace multiproc

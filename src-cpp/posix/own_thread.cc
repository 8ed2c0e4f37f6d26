#include "own_thread.h"

#include <pthread.h>
#include <uv.h>

#include <memory>
#include <utility>

#include "error.h"

namespace multiproc {
namespace {

// The calls need little; a default stack would be eight megabytes of address space.
constexpr size_t kStackSize = 128 * 1024;

class Call {
 public:
  Call(Napi::Env env, Napi::Value kept, std::function<int()> call)
      : env_(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        context_(env, "multiproc.call"),
        kept_(Napi::Persistent(kept.As<Napi::Object>())),
        call_(std::move(call)) {}

  // Takes ownership of itself when it succeeds; otherwise an errno.
  int Start() {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    uv_async_init(loop, &done_, [](uv_async_t* done) { From(done)->Settle(); });
    done_.data = this;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackSize);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, Run, this);
    pthread_attr_destroy(&attributes);
    if (error != 0) Close();
    return error;
  }

  Napi::Value Promise() { return deferred_.Promise(); }

 private:
  static Call* From(uv_async_t* done) { return static_cast<Call*>(done->data); }

  static void* Run(void* self) {
    auto* call = static_cast<Call*>(self);
    call->result_ = call->call_();
    uv_async_send(&call->done_);
    return nullptr;
  }

  void Settle() {
    Napi::HandleScope scope(env_);
    {
      Napi::CallbackScope callback(env_, context_);
      deferred_.Resolve(Napi::Number::New(env_, result_));
    }
    Close();
  }

  void Close() {
    uv_close(reinterpret_cast<uv_handle_t*>(&done_), [](uv_handle_t* handle) {
      Call* call = From(reinterpret_cast<uv_async_t*>(handle));
      Napi::HandleScope scope(call->env_);
      delete call;
    });
  }

  Napi::Env env_;
  Napi::Promise::Deferred deferred_;
  Napi::AsyncContext context_;
  Napi::ObjectReference kept_;
  std::function<int()> call_;
  int result_ = 0;
  uv_async_t done_;
};

}  // namespace

Napi::Value OnOwnThread(Napi::Env env, Napi::Value kept, std::function<int()> call) {
  auto* const started = new Call(env, kept, std::move(call));
  Napi::Value promise = started->Promise();
  const int error = started->Start();
  if (error == 0) return promise;
  ThrowErrno(env, error, "pthread_create");
  return {};
}

}  // namespace multiproc

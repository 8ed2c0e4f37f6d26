#include "own_thread.h"

#include <uv.h>

#include <utility>

#include "error.h"
#include "thread.h"

namespace multiproc {
namespace {

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
    const int error = StartThread([this] { Run(); });
    if (error != 0) Close();
    return error;
  }

  Napi::Value Promise() { return deferred_.Promise(); }

 private:
  static Call* From(uv_async_t* done) { return static_cast<Call*>(done->data); }

  void Run() {
    result_ = call_();
    uv_async_send(&done_);
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

#include "watch.h"

#include <uv.h>

#include "error.h"

namespace multiproc {
namespace {

// One wait for one descriptor: calls back once, when it is readable or at its end.
class Watch {
 public:
  static Napi::Value Start(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    const int fd = info[0].As<Napi::Number>();
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto* watch = new Watch(env, info[1].As<Napi::Function>());
    const int error = uv_poll_init(loop, &watch->poll_, fd);
    if (error < 0) {
      delete watch;
      ThrowErrno(env, -error, "poll");
      return {};
    }
    watch->poll_.data = watch;
    uv_poll_start(&watch->poll_, UV_READABLE | UV_DISCONNECT, OnReady);
    napi_add_env_cleanup_hook(env, Cleanup, watch);
    return Napi::External<Watch>::New(env, watch);
  }

  // stop(watch): no callback any more. Once only, and not after the callback.
  static void Stop(const Napi::CallbackInfo& info) {
    info[0].As<Napi::External<Watch>>().Data()->Close();
  }

 private:
  Watch(Napi::Env env, Napi::Function callback)
      : env_(env), callback_(Napi::Persistent(callback)), context_(env, "multiproc.watch") {}

  static void OnReady(uv_poll_t* poll, int status, int events) {
    auto* watch = static_cast<Watch*>(poll->data);
    Napi::HandleScope scope(watch->env_);
    Napi::Function callback = watch->callback_.Value();
    watch->Close();
    callback.MakeCallback(watch->env_.Global(), {}, watch->context_);
    // An error that the callback throws is an uncaught one.
    if (watch->env_.IsExceptionPending()) {
      napi_fatal_exception(watch->env_, watch->env_.GetAndClearPendingException().Value());
    }
  }

  static void Cleanup(void* watch) { static_cast<Watch*>(watch)->Close(); }

  void Close() {
    napi_remove_env_cleanup_hook(env_, Cleanup, this);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
      auto* watch = static_cast<Watch*>(handle->data);
      Napi::HandleScope scope(watch->env_);
      delete watch;
    });
  }

  uv_poll_t poll_;
  Napi::Env env_;
  Napi::FunctionReference callback_;
  Napi::AsyncContext context_;
};

}  // namespace

void RegisterWatch(Napi::Env env, Napi::Object exports) {
  exports.Set("watch", Napi::Function::New(env, Watch::Start, "watch"));
  exports.Set("unwatch", Napi::Function::New(env, Watch::Stop, "unwatch"));
}

}  // namespace multiproc

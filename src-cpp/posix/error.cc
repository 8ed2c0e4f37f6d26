#include "error.h"

#include <uv.h>

#include <cstring>

namespace multiproc {
namespace {

// The function (code, errno, text, syscall, path) => Error that errors.ts registers. One for
// each environment: a Worker has its own classes.
struct ErrorFactory {
  Napi::FunctionReference create;
};

void SetErrorFactory(const Napi::CallbackInfo& info) {
  auto* factory = info.Env().GetInstanceData<ErrorFactory>();
  factory->create = Napi::Persistent(info[0].As<Napi::Function>());
}

}  // namespace

void RegisterErrors(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new ErrorFactory);
  exports.Set("setErrorFactory", Napi::Function::New(env, SetErrorFactory, "setErrorFactory"));
}

void ThrowErrno(Napi::Env env, int error, const char* syscall, const std::string& path) {
  auto& create = env.GetInstanceData<ErrorFactory>()->create;
  // The code and the negative number are Node's, the text is the C library's, as in Python.
  Napi::Value arguments[] = {
      Napi::String::New(env, uv_err_name(-error)), Napi::Number::New(env, -error),
      Napi::String::New(env, strerror(error)), Napi::String::New(env, syscall),
      path.empty() ? env.Undefined() : Napi::String::New(env, path)};
  Napi::Value created = create.Call({std::begin(arguments), std::end(arguments)});
  if (!env.IsExceptionPending()) napi_throw(env, created);
}

}  // namespace multiproc

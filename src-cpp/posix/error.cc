#include "error.h"

#include <cstring>

namespace multiproc {
namespace {

// The function (errno, text, syscall, path) => Error that errors.ts registers. One for
// each environment: a Worker has its own classes.
struct ErrorFactory {
  Napi::FunctionReference create;
};

void SetErrorFactory(const Napi::CallbackInfo& info) {
  auto* factory = info.Env().GetInstanceData<ErrorFactory>();
  factory->create = Napi::Persistent(info[0].As<Napi::Function>());
}

// raise(errno, syscall): throws the error for a call that was made elsewhere.
void Raise(const Napi::CallbackInfo& info) {
  const std::string syscall = info[1].As<Napi::String>();
  ThrowErrno(info.Env(), info[0].As<Napi::Number>(), syscall.c_str());
}

}  // namespace

void RegisterErrors(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new ErrorFactory);
  exports.Set("setErrorFactory", Napi::Function::New(env, SetErrorFactory, "setErrorFactory"));
  exports.Set("raise", Napi::Function::New(env, Raise, "raise"));
}

void ThrowErrno(Napi::Env env, int error, const char* syscall, const std::string& path) {
  auto& create = env.GetInstanceData<ErrorFactory>()->create;
  Napi::Value arguments[] = {Napi::Number::New(env, error), Napi::String::New(env, strerror(error)),
                             Napi::String::New(env, syscall),
                             path.empty() ? env.Undefined() : Napi::String::New(env, path)};
  Napi::Value created = create.Call({std::begin(arguments), std::end(arguments)});
  if (!env.IsExceptionPending()) napi_throw(env, created);
}

}  // namespace multiproc

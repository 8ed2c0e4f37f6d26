#include "message_queue.h"

#ifdef __linux__

#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>

#include <cerrno>
#include <memory>
#include <string>

#include "deadline.h"
#include "error.h"

namespace multiproc {
namespace {

using Napi::CallbackInfo;
using Napi::Number;
using Napi::Object;
using Napi::Value;

// mqOpen(name, flags, mode, maxmsg?, msgsize?): a descriptor; the kernel makes it close-on-exec.
Value MqOpen(const CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  const int flags = info[1].As<Number>();
  const auto mode = info[2].As<Number>().Uint32Value();
  mq_attr attributes{};
  const bool given = info[3].IsNumber();
  if (given) {
    attributes.mq_maxmsg = info[3].As<Number>().Int64Value();
    attributes.mq_msgsize = info[4].As<Number>().Int64Value();
  }
  const mqd_t queue =
      Retry([&] { return mq_open(name.c_str(), flags, mode, given ? &attributes : nullptr); });
  if (queue < 0) {
    ThrowErrno(info.Env(), errno, "mq_open", name);
    return {};
  }
  return Number::New(info.Env(), queue);
}

void MqUnlink(const CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  if (mq_unlink(name.c_str()) < 0) ThrowErrno(info.Env(), errno, "mq_unlink", name);
}

// The timed calls go by the time of day, which may be set. So each try has a time that is over
// (it does at once what it can), and poll(2), whose clock is monotonic, waits between the tries.
template <typename Call>
auto CallUntil(mqd_t queue, short event, Deadline deadline, Call call) -> decltype(call(nullptr)) {
  if (deadline == kNever) return Retry([&] { return call(nullptr); });
  const timespec over{};
  for (;;) {
    const auto result = Retry([&] { return call(&over); });
    if (result >= 0 || errno != ETIMEDOUT || HasPassed(deadline)) return result;
    pollfd ready{queue, event, 0};
    if (poll(&ready, 1, MillisecondsUntil(deadline)) < 0 && errno != EINTR) return -1;
  }
}

// mqSend(queue, bytes, priority, timeout): seconds, or Infinity.
void MqSend(const CallbackInfo& info) {
  const mqd_t queue = info[0].As<Number>();
  auto bytes = info[1].As<Napi::Uint8Array>();
  const auto priority = info[2].As<Number>().Uint32Value();
  const size_t length = bytes.ByteLength();
  const char* data = length > 0 ? reinterpret_cast<const char*>(bytes.Data()) : "";
  const auto send = [&](const timespec* end) {
    return end == nullptr ? mq_send(queue, data, length, priority)
                          : mq_timedsend(queue, data, length, priority, end);
  };
  const Deadline deadline = After(info[3].As<Number>());
  if (CallUntil(queue, POLLOUT, deadline, send) < 0) ThrowErrno(info.Env(), errno, "mq_send");
}

// mqReceive(queue, timeout): [Buffer, priority].
Value MqReceive(const CallbackInfo& info) {
  const mqd_t queue = info[0].As<Number>();
  mq_attr attributes;
  if (mq_getattr(queue, &attributes) < 0) {
    ThrowErrno(info.Env(), errno, "mq_receive");
    return {};
  }
  const auto size = static_cast<size_t>(attributes.mq_msgsize);
  const auto message = std::make_unique_for_overwrite<char[]>(size);
  unsigned priority = 0;
  const auto receive = [&](const timespec* end) {
    return end == nullptr ? mq_receive(queue, message.get(), size, &priority)
                          : mq_timedreceive(queue, message.get(), size, &priority, end);
  };
  const ssize_t length = CallUntil(queue, POLLIN, After(info[1].As<Number>()), receive);
  if (length < 0) {
    ThrowErrno(info.Env(), errno, "mq_receive");
    return {};
  }
  auto result = Napi::Array::New(info.Env(), 2);
  result[0u] = Napi::Buffer<char>::Copy(info.Env(), message.get(), static_cast<size_t>(length));
  result[1u] = Number::New(info.Env(), priority);
  return result;
}

Object AttributesOf(Napi::Env env, const mq_attr& attributes) {
  auto result = Object::New(env);
  result["nonblock"] = Napi::Boolean::New(env, (attributes.mq_flags & O_NONBLOCK) != 0);
  result["maxmsg"] = Number::New(env, static_cast<double>(attributes.mq_maxmsg));
  result["msgsize"] = Number::New(env, static_cast<double>(attributes.mq_msgsize));
  result["curmsgs"] = Number::New(env, static_cast<double>(attributes.mq_curmsgs));
  return result;
}

Value MqGetattr(const CallbackInfo& info) {
  mq_attr attributes;
  if (mq_getattr(info[0].As<Number>(), &attributes) < 0) {
    ThrowErrno(info.Env(), errno, "mq_getattr");
    return {};
  }
  return AttributesOf(info.Env(), attributes);
}

// mqSetattr(queue, nonblock): the attributes of before.
Value MqSetattr(const CallbackInfo& info) {
  mq_attr attributes{};
  attributes.mq_flags = info[1].As<Napi::Boolean>() ? O_NONBLOCK : 0;
  mq_attr before;
  if (mq_setattr(info[0].As<Number>(), &attributes, &before) < 0) {
    ThrowErrno(info.Env(), errno, "mq_setattr");
    return {};
  }
  return AttributesOf(info.Env(), before);
}

}  // namespace

void RegisterMessageQueue(Napi::Env env, Napi::Object exports) {
  exports.Set("mqOpen", Napi::Function::New(env, MqOpen, "mqOpen"));
  exports.Set("mqUnlink", Napi::Function::New(env, MqUnlink, "mqUnlink"));
  exports.Set("mqSend", Napi::Function::New(env, MqSend, "mqSend"));
  exports.Set("mqReceive", Napi::Function::New(env, MqReceive, "mqReceive"));
  exports.Set("mqGetattr", Napi::Function::New(env, MqGetattr, "mqGetattr"));
  exports.Set("mqSetattr", Napi::Function::New(env, MqSetattr, "mqSetattr"));
}

}  // namespace multiproc

#else

void multiproc::RegisterMessageQueue(Napi::Env, Napi::Object) {}

#endif

#include "frame.h"

#include <cerrno>
#include <limits>
#include <vector>

#include "error.h"
#include "stream.h"

// A frame is the length as a big-endian int32, and so many bytes. Lengths that an int32 cannot
// hold: -1, the length as a uint64, the bytes.
//
// Plain Node-API, because this is the hot path: the wrapper's arguments and buffers cost more than
// the rest.

namespace multiproc {
namespace {

// What recvFrame() returns instead of a length.
constexpr double kEnd = -1;
constexpr double kTruncated = -2;
constexpr double kBadLength = -3;

constexpr size_t kMostArguments = 7;

class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMostArguments;
    napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
  }

  int Int(size_t index) const {
    int32_t value = 0;
    napi_get_value_int32(env_, values_[index], &value);
    return value;
  }
  bool Bool(size_t index) const {
    bool value = false;
    napi_get_value_bool(env_, values_[index], &value);
    return value;
  }
  size_t Size(size_t index) const {
    int64_t value = 0;
    napi_get_value_int64(env_, values_[index], &value);
    return static_cast<size_t>(value);
  }
  // The memory of a typed array.
  template <typename Element>
  Element* Data(size_t index) const {
    void* data = nullptr;
    napi_get_typedarray_info(env_, values_[index], nullptr, nullptr, &data, nullptr, nullptr);
    return static_cast<Element*>(data);
  }
  bool IsGiven(size_t index) const {
    napi_valuetype type;
    napi_typeof(env_, values_[index], &type);
    return type == napi_object;
  }
  Received Slots(size_t index) const {
    return IsGiven(index) ? Received(Data<int32_t>(index)) : Received();
  }
  std::vector<int> Descriptors(size_t index) const {
    std::vector<int> result;
    if (!IsGiven(index)) return result;
    uint32_t length = 0;
    napi_get_array_length(env_, values_[index], &length);
    for (uint32_t i = 0; i < length; ++i) {
      napi_value element;
      int32_t fd = -1;
      napi_get_element(env_, values_[index], i, &element);
      napi_get_value_int32(env_, element, &fd);
      result.push_back(fd);
    }
    return result;
  }

 private:
  napi_env env_;
  napi_value values_[kMostArguments];
};

napi_value ToNumber(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

napi_value Fail(napi_env env, const char* syscall) {
  ThrowErrno(env, errno, syscall);
  return nullptr;
}

class Header {
 public:
  explicit Header(size_t length) {
    const bool is_long = length > std::numeric_limits<int32_t>::max();
    Put(is_long ? 0xffffffff : length, 4);
    if (is_long) Put(length, 8);
  }
  uint8_t* Data() { return bytes_; }
  size_t Size() const { return size_; }

 private:
  void Put(uint64_t number, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
      bytes_[size_++] = static_cast<uint8_t>(number >> shift);
    }
  }

  uint8_t bytes_[12];
  size_t size_ = 0;
};

struct Frame {
  Header header;
  uint8_t* payload;
  size_t length;
  // The descriptors go with the first byte.
  std::vector<int> descriptors;

  size_t Size() const { return header.Size() + length; }
};

// Writes from byte `sent` on, until all is written or it would have to wait and must not: the
// number of bytes that are written, or -1 with errno.
ssize_t Send(const Stream& stream, Frame& frame, size_t sent) {
  static const std::vector<int> none;
  while (sent < frame.Size()) {
    const size_t header_size = frame.header.Size();
    iovec parts[2];
    int count = 0;
    if (sent < header_size) parts[count++] = {frame.header.Data() + sent, header_size - sent};
    const size_t from = sent > header_size ? sent - header_size : 0;
    if (from < frame.length) parts[count++] = {frame.payload + from, frame.length - from};
    const ssize_t n = WriteSome(stream, parts, count, sent == 0 ? frame.descriptors : none);
    if (n < 0) return errno == EAGAIN ? static_cast<ssize_t>(sent) : -1;
    sent += static_cast<size_t>(n);
  }
  return static_cast<ssize_t>(sent);
}

Frame FrameOf(const Arguments& arguments) {
  const size_t length = arguments.Size(4);
  return {Header(length), arguments.Data<uint8_t>(2) + arguments.Size(3), length,
          arguments.Descriptors(5)};
}

// sendFrame(fd, socket, bytes, offset, length, descriptors)
napi_value SendFrame(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  Frame frame = FrameOf(arguments);
  if (Send({arguments.Int(0), arguments.Bool(1), true}, frame, 0) < 0) return Fail(env, "write");
  return nullptr;
}

// trySendFrame(fd, socket, bytes, offset, length, descriptors, sent): how much of the frame is
// written now, header included, of which `sent` bytes were before.
napi_value TrySendFrame(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  Frame frame = FrameOf(arguments);
  const Stream stream{arguments.Int(0), arguments.Bool(1), false};
  const ssize_t sent = Send(stream, frame, arguments.Size(6));
  if (sent < 0) return Fail(env, "write");
  return ToNumber(env, static_cast<double>(sent));
}

uint64_t BigEndian(const uint8_t* bytes, int width) {
  uint64_t number = 0;
  for (int i = 0; i < width; ++i) number = number << 8 | bytes[i];
  return number;
}

// The length of the message that begins; kEnd or one of the others; NaN with errno.
double ReadHeader(const Stream& stream, Received* received) {
  constexpr double failed = std::numeric_limits<double>::quiet_NaN();
  uint8_t bytes[8];
  ssize_t n = ReadAll(stream, bytes, 4, received);
  if (n < 0) return failed;
  if (n < 4) return n == 0 ? kEnd : kTruncated;
  const auto length = static_cast<int32_t>(BigEndian(bytes, 4));
  if (length >= 0) return length;
  if (length != -1) return kBadLength;
  n = ReadAll(stream, bytes, 8, received);
  if (n < 0) return failed;
  return n < 8 ? kTruncated : static_cast<double>(BigEndian(bytes, 8));
}

// recvFrame(fd, socket, bytes, offset, room, received): the length of the message, which is in
// `bytes` if it is not more than `room`, and still to be read if it is; or kEnd, kTruncated,
// kBadLength. Never reads more than this message: the next one may be another process's.
napi_value RecvFrame(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const Stream stream{arguments.Int(0), arguments.Bool(1), true};
  Received received = arguments.Slots(5);
  received.Clear();
  double result = ReadHeader(stream, arguments.IsGiven(5) ? &received : nullptr);
  bool failed = result != result;
  if (result > 0 && result <= static_cast<double>(arguments.Size(4))) {
    const auto length = static_cast<size_t>(result);
    uint8_t* payload = arguments.Data<uint8_t>(2) + arguments.Size(3);
    const ssize_t n = ReadAll(stream, payload, length, nullptr);
    failed = n < 0;
    if (!failed && static_cast<size_t>(n) < length) result = kTruncated;
  }
  if (failed || result < 0) {
    const int error = errno;
    received.CloseAll();
    errno = error;
  }
  return failed ? Fail(env, "read") : ToNumber(env, result);
}

// readAll(fd, bytes, offset, length): so many bytes, or less at the end; their number.
napi_value ReadAllBytes(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  uint8_t* data = arguments.Data<uint8_t>(1) + arguments.Size(2);
  const ssize_t n = ReadAll({arguments.Int(0), false, true}, data, arguments.Size(3), nullptr);
  return n < 0 ? Fail(env, "read") : ToNumber(env, static_cast<double>(n));
}

// tryRead(fd, socket, bytes, offset, length, received): what is there, at most so many bytes; 0 at
// the end, -1 if there is nothing yet. Descriptors are added to `received`, if it is given.
napi_value TryRead(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  const Stream stream{arguments.Int(0), arguments.Bool(1), false};
  uint8_t* data = arguments.Data<uint8_t>(2) + arguments.Size(3);
  Received received = arguments.Slots(5);
  const ssize_t n =
      ReadSome(stream, data, arguments.Size(4), arguments.IsGiven(5) ? &received : nullptr);
  if (n < 0 && errno != EAGAIN) return Fail(env, "read");
  return ToNumber(env, static_cast<double>(n));
}

// sendmsg(fd, bytes, length, descriptors): the number of bytes written.
napi_value SendMessage(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  iovec part{arguments.Data<uint8_t>(1), arguments.Size(2)};
  const ssize_t n = WriteSome({arguments.Int(0), true, true}, &part, 1, arguments.Descriptors(3));
  return n < 0 ? Fail(env, "sendmsg") : ToNumber(env, static_cast<double>(n));
}

// recvmsg(fd, bytes, length, received): the number of bytes; the descriptors are in `received`.
napi_value ReceiveMessage(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  Received received = arguments.Slots(3);
  received.Clear();
  const ssize_t n = ReadSome({arguments.Int(0), true, true}, arguments.Data<uint8_t>(1),
                             arguments.Size(2), &received);
  return n < 0 ? Fail(env, "recvmsg") : ToNumber(env, static_cast<double>(n));
}

void Export(Napi::Env env, Napi::Object exports, const char* name, napi_callback function) {
  napi_value created;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &created);
  exports.Set(name, Napi::Value(env, created));
}

}  // namespace

void RegisterFrame(Napi::Env env, Napi::Object exports) {
  Export(env, exports, "sendFrame", SendFrame);
  Export(env, exports, "trySendFrame", TrySendFrame);
  Export(env, exports, "recvFrame", RecvFrame);
  Export(env, exports, "readAll", ReadAllBytes);
  Export(env, exports, "tryRead", TryRead);
  Export(env, exports, "sendmsg", SendMessage);
  Export(env, exports, "recvmsg", ReceiveMessage);
  exports.Set("mostDescriptors", Napi::Number::New(env, kMostDescriptors));
}

}  // namespace multiproc

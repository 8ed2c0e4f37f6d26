#include "random_draws.h"

#include <dlfcn.h>

namespace multiproc {
namespace {

// RAND_METHOD of OpenSSL: https://docs.openssl.org/3.0/man3/RAND_set_rand_method/
struct Method {
  int (*seed)(const void*, int);
  int (*bytes)(unsigned char*, int);
  void (*cleanup)();
  int (*add)(const void*, int, double);
  int (*pseudorand)(unsigned char*, int);
  int (*status)();
};

// Looked up by name: Node may be built without OpenSSL, or with another library in its place.
template <typename Function>
Function* Symbol(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

const Method* original;
thread_local bool drawn;

int NotedBytes(unsigned char* bytes, int size) {
  drawn = true;
  return original->bytes(bytes, size);
}

}  // namespace

bool DrawsRandomBytes(const std::function<void()>& action) {
  static const auto get = Symbol<const Method*()>("RAND_get_rand_method");
  static const auto set = Symbol<int(const Method*)>("RAND_set_rand_method");
  if (get == nullptr || set == nullptr) return false;
  original = get();
  // Other threads may still be in it when it is the method no more.
  static Method noting;
  noting = *original;
  noting.bytes = NotedBytes;
  drawn = false;
  set(&noting);
  action();
  set(original);
  return drawn;
}

}  // namespace multiproc

// Node keeps random bytes in caches of its own. Whether one of them was refilled shows where
// OpenSSL is asked for more.
#pragma once

#include <functional>

namespace multiproc {

// Whether the action has this thread ask OpenSSL for random bytes; false as well where this Node's
// OpenSSL is out of reach.
bool DrawsRandomBytes(const std::function<void()>& action);

}  // namespace multiproc

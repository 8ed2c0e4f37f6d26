// Threads for calls that block.
#pragma once

#include <functional>

namespace multiproc {

// Starts a detached thread with a small stack, which gets no signals: those are Node's. An errno.
int StartThread(std::function<void()> body);

}  // namespace multiproc

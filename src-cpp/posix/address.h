// Waiting in the kernel until a word of shared memory changes: futex(2) where there is one, else a
// named semaphore.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>

#include "deadline.h"

namespace multiproc {

// A word in memory that processes share.
using Word = std::atomic<int32_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == sizeof(int32_t));

// Sleeps while `word` is `value`: until somebody wakes it or the deadline. It may return early.
void WaitWhile(Word& word, int32_t value, Deadline deadline);

// Wakes up to `count` of those who wait for the word. How many they were, as far as it is known.
int Wake(Word& word, int count);

// The word that JavaScript gives by two arguments: an Int32Array and an index.
Word& WordAt(const Napi::CallbackInfo& info, size_t argument = 0);

void RegisterAddress(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

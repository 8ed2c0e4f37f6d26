// Locks and semaphores whose state is a word of shared memory. Uncontended, JavaScript changes the
// word itself; here is what happens otherwise.
#pragma once

#include <napi.h>

#include <cstdint>

#include "address.h"

namespace multiproc {

// Set in a word that somebody waits for.
constexpr int32_t kWaiters = INT32_MIN;

// A lock's word is 0 or the pid of its owner. `kOwnerDied`: it is acquired, but the last owner
// ended without releasing it.
enum class Acquired { kNo, kYes, kOwnerDied };
Acquired AcquireLock(Word& word, int32_t owner, Deadline deadline);
void ReleaseLock(Word& word);

// A semaphore's word is its value.
bool AcquireSemaphore(Word& word, Deadline deadline);

void RegisterLock(Napi::Env env, Napi::Object exports);

}  // namespace multiproc

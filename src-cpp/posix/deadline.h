// The end of a wait, on the monotonic clock: it does not move when the time of day is set.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>

namespace multiproc {

// On Linux it is CLOCK_MONOTONIC.
using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

inline constexpr Deadline kNever = Deadline::max();

// The moment so many seconds from now; infinitely many mean never.
inline Deadline After(double seconds) {
  if (!(seconds < 1e9)) return kNever;
  const std::chrono::duration<double> time(std::max(seconds, 0.0));
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
}

inline bool HasPassed(Deadline deadline) { return deadline != kNever && Clock::now() >= deadline; }

// For poll(2): the milliseconds that are left, rounded up; -1 for ever.
inline int MillisecondsUntil(Deadline deadline) {
  if (deadline == kNever) return -1;
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp(left, milliseconds(0), milliseconds(INT_MAX)).count());
}

}  // namespace multiproc

// A loop over all cores.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace tile::cpu {

inline int hardware_threads() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Work that pays for starting a thread, in operations that a core does about 10^10 a second of.
inline constexpr double thread_worth = 1e6;

// Calls body(i) once for every i in [0, count), in no particular order. `work` is that of all
// calls, so that small loops stay on one core. The first exception ends the loop and is thrown
// again in the caller.
template <class Body>
void parallel_for(std::int64_t count, double work, Body&& body) {
  std::atomic<std::int64_t> next = 0;
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto loop = [&] {
    try {
      for (std::int64_t i = next++; i < count; i = next++) body(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::int64_t max_threads = std::min<std::int64_t>(hardware_threads(), count);
    for (std::int64_t t = 1; t < max_threads && static_cast<double>(t) * thread_worth < work; ++t)
      threads.emplace_back(loop);
    loop();
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace tile::cpu

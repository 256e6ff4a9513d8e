#include "tile/cpu/parallel.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace tile::cpu {
namespace {

TEST(ParallelFor, CallsEveryIndexOnce) {
  std::vector<std::atomic<int>> calls(1000);
  parallel_for(1000, 1e9, [&](std::int64_t i) { ++calls[i]; });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
  parallel_for(0, 1e9, [](std::int64_t) { FAIL(); });
}

// An exception that leaves a thread ends the program.
TEST(ParallelFor, ThrowsTheExceptionInTheCaller) {
  const auto body = [](std::int64_t i) {
    if (i % 7 == 3) throw std::runtime_error("index");
  };
  EXPECT_THROW(parallel_for(100, 1e9, body), std::runtime_error);
}

}  // namespace
}  // namespace tile::cpu

#include "bench/peaks.h"

#include <gtest/gtest.h>

#include "bench/machine.h"

namespace flash {
namespace {

// Catches a loop that is optimised away, which would be too fast by orders of magnitude.
TEST(Peaks, AreThoseOfACore) {
  const Peaks peaks = measure_peaks(1);
  EXPECT_GT(peaks.fma_gflops, 0);
  EXPECT_LT(peaks.fma_gflops, 2000);
  EXPECT_GT(peaks.read_gbs, 0);
  EXPECT_LT(peaks.read_gbs, 2000);
}

TEST(Machine, HasANameCoresAndMemory) {
  EXPECT_FALSE(this_machine().cpu.empty());
  EXPECT_GE(this_machine().cores, 1);
  EXPECT_GT(available_memory(), 1e6);
}

}  // namespace
}  // namespace flash

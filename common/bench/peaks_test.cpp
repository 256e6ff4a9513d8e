#include "bench/peaks.h"

#include <gtest/gtest.h>

namespace flash {
namespace {

// Catches a loop that is optimised away, which would be too fast by orders of magnitude.
TEST(Peaks, AreThoseOfACore) {
  const Peaks peaks = measure_peaks(1);
  EXPECT_GT(peaks.fma_gflops, 0);
  EXPECT_LT(peaks.fma_gflops, 2000);
  EXPECT_GT(peaks.fma_from_l1_gflops, peaks.fma_gflops / 8);
  EXPECT_LT(peaks.fma_from_l1_gflops, 2000);
  EXPECT_GT(peaks.read_gbs, 0);
  EXPECT_LT(peaks.read_gbs, 2000);
  if (peaks.l2_gbs > 0) {  // its size is known
    EXPECT_GT(peaks.l2_gbs, peaks.read_gbs);
    EXPECT_LT(peaks.l2_gbs, 2000);
  }
  if (peaks.bf16_gflops == 0) return;  // no such instruction
  EXPECT_GT(peaks.bf16_gflops, peaks.fma_gflops / 4);
  EXPECT_LT(peaks.bf16_gflops, 4000);
}

}  // namespace
}  // namespace flash

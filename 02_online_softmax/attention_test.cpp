// What stage 02 promises beyond the shared suite: its traffic and its memory, worked out by hand.
#include <gtest/gtest.h>

#include "testing/counters_of.h"

namespace flash {
namespace {

// 256 queries in 2 tiles of 128; 300 keys in 5 tiles of 64. Catches a second sweep.
TEST(OnlineSoftmax, OneSweepOverTheKeys) {
  const tile::Counters c = counters_of(
      "02_online_softmax", {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 300});
  const std::int64_t q = 256 * 64 * 4, k = 300 * 64 * 4;
  EXPECT_EQ(c.hbm_read[Tensor::K], k);
  EXPECT_EQ(c.hbm_read[Tensor::V], k);
  EXPECT_EQ(c.hbm_read[Tensor::Q], 5 * q);
  EXPECT_EQ(c.hbm_read[Tensor::O_acc], 5 * q);
  EXPECT_EQ(c.hbm_write[Tensor::O_acc] + c.hbm_write[Tensor::O], 6 * q);
  EXPECT_EQ(c.flops, 2 * 5 * 2 * (2 * 128 * 64 * 64));
  EXPECT_EQ(c.exponentials, 2 * 5 * (128 * 64 + 128));
}

// Algorithm 1 reads T_c (2 N d) + 2 N d elements and writes T_c (N d), beside the zeros it begins
// with and m and l, 2 N numbers at each of T_c key tiles in each direction. Catches a formula in
// cost/forward.cpp that follows the code instead of the paper.
TEST(OnlineSoftmax, TrafficIsThatOfAlgorithm1) {
  constexpr std::int64_t N = 512, d = 64, T_c = N / 64;
  const tile::Counters c =
      counters_of("02_online_softmax", {.heads = 1, .kv_heads = 1, .seqlen_q = N, .seqlen_k = N});
  const std::int64_t statistics_read = 2 * T_c * N * 4;
  EXPECT_EQ(c.hbm_read.total() - statistics_read, (T_c * 2 * N * d + 2 * N * d) * 4);
  const std::int64_t statistics_written = (2 * T_c + 1) * N * 4, zeros = N * d * 4;
  EXPECT_EQ(c.hbm_write.total() - statistics_written - zeros, T_c * N * d * 4);
}

// Catches memory that grows with N²: FlashAttention needs O(N) beside its output.
TEST(OnlineSoftmax, MemoryIsLinear) {
  for (const std::int64_t n : {256, 1024})
    EXPECT_EQ(
        counters_of("02_online_softmax", {.heads = 2, .kv_heads = 1, .seqlen_q = n, .seqlen_k = n})
            .hbm_workspace.total(),
        2 * 2 * n * 4);
}

}  // namespace
}  // namespace flash

// What stage 01 promises beyond the shared suite: its traffic and its memory, worked out by hand.
#include <gtest/gtest.h>

#include "testing/counters_of.h"

namespace flash {
namespace {

// 256 queries in 2 tiles of 128; 300 keys in 5 tiles of 64.
constexpr Problem problem_f32() {
  return {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 300};
}

// Catches a term of N²: neither S nor P may reach HBM.
TEST(Tiling, NoScoresInHbm) {
  const tile::Counters c = counters_of("01_v1_tiling", problem_f32());
  for (const tile::TensorId tensor : {Tensor::S, Tensor::P}) {
    EXPECT_EQ(c.hbm_write[tensor] + c.hbm_read[tensor] + c.hbm_workspace[tensor], 0);
  }
  EXPECT_EQ(c.hbm_workspace.total(), 2 * 256 * 4);  // m and l
}

// Catches a sweep that is missing or doubled.
TEST(Tiling, TwoSweepsOverTheKeys) {
  const tile::Counters c = counters_of("01_v1_tiling", problem_f32());
  const std::int64_t q = 256 * 64 * 4, k = 300 * 64 * 4;
  EXPECT_EQ(c.hbm_read[Tensor::K], 2 * k);
  EXPECT_EQ(c.hbm_read[Tensor::V], k);
  EXPECT_EQ(c.hbm_read[Tensor::Q], 2 * 5 * q);
  EXPECT_EQ(c.hbm_read[Tensor::O_acc], 5 * q);
  EXPECT_EQ(c.hbm_write[Tensor::O_acc], 5 * q);  // zeros to begin with, and all but the last tile
  EXPECT_EQ(c.hbm_write[Tensor::O], q);
  EXPECT_EQ(c.flops, 2 * 5 * 3 * (2 * 128 * 64 * 64));  // Q Kᵀ twice and P V
  EXPECT_EQ(c.launches, 1);
}

// Catches an accumulator that is rounded to 16 bits at each key tile.
TEST(Tiling, AccumulatesInFp32) {
  Problem problem = problem_f32();
  problem.dtype = DType::bf16;
  const tile::Counters c = counters_of("01_v1_tiling", problem);
  EXPECT_EQ(c.hbm_workspace[Tensor::O_acc], 256 * 64 * 4);
  EXPECT_EQ(c.hbm_read[Tensor::O_acc], 5 * 256 * 64 * 4);
  EXPECT_EQ(c.hbm_write[Tensor::O], 256 * 64 * 2);
}

}  // namespace
}  // namespace flash

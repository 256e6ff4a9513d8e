// What stage 00 promises beyond the shared suite: its traffic and its memory, worked out by hand.
#include <gtest/gtest.h>

#include "testing/counters_of.h"

namespace flash {
namespace {

// Catches a score matrix that is written or read twice, or that skips HBM.
TEST(Naive, ScoresAndWeightsGoThroughHbmOnce) {
  const tile::Counters c =
      counters_of("00_naive", {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 300});
  const std::int64_t matrix = 256 * 300 * 4;
  for (const tile::TensorId tensor : {Tensor::S, Tensor::P}) {
    EXPECT_EQ(c.hbm_write[tensor], matrix);
    EXPECT_EQ(c.hbm_read[tensor], matrix);
    EXPECT_EQ(c.hbm_workspace[tensor], matrix);
  }
  EXPECT_EQ(c.hbm_read[Tensor::K], 2 * 300 * 64 * 4);  // once for each of two tiles of queries
  EXPECT_EQ(c.hbm_read[Tensor::V], 2 * 300 * 64 * 4);
  EXPECT_EQ(c.launches, 3);
}

// Catches a causal mask that saves work: that is stage 03's idea.
TEST(Naive, ACausalMaskSavesNothing) {
  Problem problem{.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 256};
  const tile::Counters full = counters_of("00_naive", problem);
  problem.causal = true;
  EXPECT_EQ(counters_of("00_naive", problem), full);
}

// Catches a crash where the answer is a sentence: how much it would need.
TEST(Naive, SaysHowMuchMemoryALongSequenceNeeds) {
  const Problem problem{.heads = 1, .kv_heads = 1, .seqlen_q = 1 << 20, .seqlen_k = 1 << 20};
  try {
    require_memory(find_stage("00_naive"), problem);
    FAIL() << "8.8 TB were accepted";
  } catch (const BadInput& error) {
    EXPECT_NE(std::string(error.what()).find("take 8796.1 GB of workspace in 00_naive"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace flash

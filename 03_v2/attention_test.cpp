// What stage 03 promises beyond the shared suite: its traffic and its memory, worked out by hand.
#include <gtest/gtest.h>

#include "testing/counters_of.h"
#include "testing/peak_memory.h"

namespace flash {
namespace {

// 256 queries in 2 tiles of 128; 256 keys in 4 tiles of 64. Catches O written more than once.
TEST(V2, QueriesAndOutputMoveOnce) {
  const tile::Counters c =
      counters_of("03_v2", {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 256});
  const std::int64_t matrix = 256 * 64 * 4;
  EXPECT_EQ(c.hbm_read[Tensor::Q], matrix);
  EXPECT_EQ(c.hbm_read[Tensor::K], 2 * matrix);
  EXPECT_EQ(c.hbm_read[Tensor::V], 2 * matrix);
  EXPECT_EQ(c.hbm_write.total(), matrix + 256 * 4);  // O and LSE
  EXPECT_EQ(c.hbm_workspace.total(), 0);
}

// Catches tiles above the diagonal that are computed and then masked away.
TEST(V2, ACausalMaskSkipsTiles) {
  const tile::Counters c = counters_of(
      "03_v2", {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 256, .causal = true});
  EXPECT_EQ(c.hbm_read[Tensor::K], (128 + 256) * 64 * 4);
  EXPECT_EQ(c.flops, (2 + 4) * 2 * (2 * 128 * 64 * 64));
  EXPECT_EQ(c.exponentials, (2 + 4) * (128 * 64 + 128));
}

// Catches a skip that is aligned to the top left: with more keys than queries all rows see some.
TEST(V2, ACausalMaskIsAlignedToTheBottomRight) {
  const tile::Counters c = counters_of(
      "03_v2", {.heads = 1, .kv_heads = 1, .seqlen_q = 128, .seqlen_k = 1024, .causal = true});
  EXPECT_EQ(c.hbm_read[Tensor::K], 1024 * 64 * 4);
}

#if !defined(__SANITIZE_ADDRESS__)
// Catches memory that grows with N²: at 8192 tokens the scores would take 268 MB.
TEST(V2, MemoryOfALongSequence) {
  const double growth = peak_growth([] {
    counters_of("03_v2", {.heads = 1, .kv_heads = 1, .seqlen_q = 8192, .seqlen_k = 8192});
  });
  EXPECT_GE(growth, 0);
  EXPECT_LT(growth, 60e6);
}
#endif

}  // namespace
}  // namespace flash

// What stage 03 promises beyond the shared suite: its traffic and its memory, worked out by hand.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "testing/counters_of.h"
#include "tile/cpu/simd/simd.h"

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

#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
// Catches memory that grows with N²: 131072 tokens, whose scores would take 69 GB a matrix.
TEST(V2, MemoryOfALongSequence) {
  if (tile::cpu::lanes < 8) GTEST_SKIP() << "4.4 TFLOP take minutes with 128-bit vectors";
  const Problem problem{.heads = 1, .kv_heads = 1, .seqlen_q = 1 << 17, .seqlen_k = 1 << 17};
  counters_of("03_v2", problem);
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 300'000) << "kilobytes";
}
#endif

}  // namespace
}  // namespace flash

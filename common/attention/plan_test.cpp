// How many splits Flash-Decoding makes, and which query tiles come first.
#include "attention/plan.h"

#include <gtest/gtest.h>

namespace flash {
namespace {

// FlashAttention-3's choices, worked out with its rule for 132 processors.
TEST(Splits, AreThoseOfFlashAttention3) {
  EXPECT_EQ(num_splits(2, 1, 1024, 1 << 25, false), 57);   // 114 of 132: 0.86 of the best, 66
  EXPECT_EQ(num_splits(2, 1, 4, 1 << 20, false), 1);       // few keys
  EXPECT_EQ(num_splits(106, 1, 1024, 1 << 25, false), 1);  // 0.8 of the processors
  EXPECT_EQ(num_splits(66, 1, 1024, 1 << 25, false), 2);
  EXPECT_EQ(num_splits(264, 264, 8192, 120 << 20, false), 3);
  EXPECT_EQ(num_splits(264, 264, 8192, 120 << 20, true), 1);
}

std::vector<std::int64_t> heads_in_order(const Problem& problem, int query_rows) {
  std::vector<std::int64_t> heads;
  for (const QueryTile& tile : longest_first(problem.shape(), query_rows))
    heads.push_back(tile.batch * problem.heads + tile.head);
  return heads;
}

// K and V of a head have 32768 * 128 * 2 bytes each, 16 MB in all: two heads fill a section.
TEST(LongestFirst, GoesOverAsManyHeadsAsFitInTheCache) {
  Problem problem{.heads = 5,
                  .kv_heads = 5,
                  .seqlen_q = 200,
                  .seqlen_k = 32768,
                  .head_dim = 128,
                  .dtype = DType::bf16,
                  .causal = true};
  const std::vector<std::int64_t> by_two = {0, 1, 0, 1, 2, 3, 2, 3, 4, 4};
  EXPECT_EQ(heads_in_a_section(problem.shape()), 2);
  EXPECT_EQ(heads_in_order(problem, 128), by_two);
  problem.causal = false;  // all tiles are as long: in the order of the grid
  EXPECT_EQ(heads_in_order(problem, 128),
            (std::vector<std::int64_t>{0, 0, 1, 1, 2, 2, 3, 3, 4, 4}));
}

TEST(LongestFirst, ASectionHasWholeGroupsAndAPowerOfTwoOfThem) {
  Problem problem{.heads = 12, .kv_heads = 4, .seqlen_k = 20000, .head_dim = 128};
  problem.dtype = DType::bf16;
  EXPECT_EQ(heads_in_a_section(problem.shape()), 3 * 2);  // 10.2 MB each, of which three fit
  problem.seqlen_k = 100'000;
  EXPECT_EQ(heads_in_a_section(problem.shape()), 3);  // one does not fit
}

// Sequences of 100, 20000 and 300 keys: sections are made from the longest sequence on, and of its
// size, here a head.
TEST(LongestFirst, TheLongestSequenceIsInTheFirstSection) {
  Problem problem{.batch = 3, .heads = 1, .kv_heads = 1, .head_dim = 256};
  problem.seqlen_q = 10;
  problem.seqlen_k = 20000;
  problem.cu_seqlens_q = {0, 10, 20, 30};
  problem.cu_seqlens_k = {0, 100, 20100, 20400};
  EXPECT_EQ(heads_in_a_section(problem.shape()), 1);
  EXPECT_EQ(heads_in_order(problem, 128), (std::vector<std::int64_t>{1, 2, 0}));
}

}  // namespace
}  // namespace flash

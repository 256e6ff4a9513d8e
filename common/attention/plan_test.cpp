// How many splits Flash-Decoding makes.
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

}  // namespace
}  // namespace flash

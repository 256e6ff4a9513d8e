#include "bench/machine.h"

#include <gtest/gtest.h>

namespace flash {
namespace {

TEST(Machine, HasANameAndCores) {
  EXPECT_FALSE(this_machine().cpu.empty());
  EXPECT_GE(this_machine().cores, 1);
}

// Catches a size in the wrong unit.
TEST(Machine, HasCachesOfAPlausibleSizeIfAny) {
  const CacheSizes caches = this_machine().caches;
  if (caches.l1 == 0) GTEST_SKIP() << "the system does not tell";
  EXPECT_GE(caches.l1, 8 << 10);
  EXPECT_LE(caches.l1, 1 << 20);
  EXPECT_GT(caches.last_level(), caches.l1);
}

}  // namespace
}  // namespace flash

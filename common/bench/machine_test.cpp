#include "bench/machine.h"

#include <gtest/gtest.h>

namespace flash {
namespace {

TEST(Machine, HasANameAndCores) {
  EXPECT_FALSE(this_machine().cpu.empty());
  EXPECT_GE(this_machine().cores, 1);
}

}  // namespace
}  // namespace flash

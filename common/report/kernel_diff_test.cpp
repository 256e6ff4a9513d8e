#include "report/kernel_diff.h"

#include <gtest/gtest.h>

namespace flash {
namespace {

// Catches a header, a namespace or an indentation that counts as a new idea.
TEST(KernelDiff, CountsWhatIsNew) {
  const std::string from =
      "// old\n#pragma once\nnamespace stage_a {\nload(K);\nmma(S);\nstore();\n";
  const std::string to =
      "// new\n// words\n#pragma once\nnamespace stage_b {\nif (x) {\n  load(K);\n}\nstore();\n";
  EXPECT_EQ(lines_added(from, to), 2);
  EXPECT_EQ(lines_added(to, from), 1);
  EXPECT_EQ(lines_added(from, from), 0);
}

// Catches a count that is not the shortest: lines that move are new once.
TEST(KernelDiff, IsTheShortest) {
  EXPECT_EQ(lines_added("a\nb\nc\nd\n", "b\nc\nd\na\n"), 1);
  EXPECT_EQ(lines_added("", "a\nb\n"), 2);
  EXPECT_EQ(lines_added("a\n\n\nb\n", "a\n\nb\n\n"), 1);
}

}  // namespace
}  // namespace flash

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bench/cases/case.h"

namespace flash {
namespace {

// A causal case has half the work of the same one without a mask, and is compared in its rate.
double halves(const Case& other, const Case& c) {
  return !c.cache && c.problem.causal && !other.problem.causal ? 2 : 1;
}

// Catches a ratio to a case that is not there, or to one of other work, and a name used twice.
TEST(Goals, CompareWithCasesOfAsMuchWork) {
  std::set<std::string> groups;
  for (const Group& group : goal_groups(2)) {
    EXPECT_TRUE(groups.insert(group.name).second) << group.name;
    std::set<std::string> names;
    for (const Case& c : group.cases) {
      EXPECT_TRUE(names.insert(c.name).second) << c.name;
      EXPECT_NO_THROW(validate(c.problem));
      EXPECT_EQ(c.threads, 2);
      if (c.against != Against::other) continue;
      const auto other = std::ranges::find(group.cases, c.other, &Case::name);
      ASSERT_NE(other, group.cases.end()) << c.other;
      EXPECT_EQ(other->backward, c.backward);
      EXPECT_EQ(nominal_flops(*other), nominal_flops(c) * halves(*other, c));
    }
  }
}

// Catches names too long for a table of 80 columns.
TEST(Goals, HaveShortNames) {
  for (const Group& group : goal_groups(2))
    for (const Case& c : group.cases) EXPECT_LE(c.name.size(), 20u) << c.name;
}

TEST(Sweep, ChangesOneSize) {
  const Case base{.name = "", .stage = "03", .problem = {}, .threads = 6};
  const Group lengths = sweep("seqlen", base);
  ASSERT_EQ(lengths.cases.size(), 6u);
  EXPECT_EQ(lengths.cases.front().problem.seqlen_q, 256);
  EXPECT_EQ(lengths.cases.back().problem.seqlen_k, 8192);
  EXPECT_EQ(lengths.cases.back().name, "03 seqlen=8192");
  EXPECT_EQ(sweep("batch", base).cases.back().problem.batch, 64);
  EXPECT_EQ(sweep("head_dim", base).cases.back().problem.head_dim, 256);
  std::vector<int> threads;
  for (const Case& c : sweep("threads", base).cases) threads.push_back(c.threads);
  EXPECT_EQ(threads, (std::vector<int>{1, 2, 4, 6}));
}

// Catches a decode step that gains queries with its keys.
TEST(Sweep, OfACacheKeepsTheOneQuery) {
  Case base{.name = "", .stage = "06", .problem = {.seqlen_q = 1}, .cache = CacheKind{}};
  const Group lengths = sweep("seqlen", base);
  EXPECT_EQ(lengths.cases.back().problem.seqlen_q, 1);
  EXPECT_EQ(lengths.cases.back().problem.seqlen_k, 65536);
}

}  // namespace
}  // namespace flash

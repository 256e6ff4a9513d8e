#include "bench/turns.h"

#include <gtest/gtest.h>

#include <string>

#include "bench/timing.h"

namespace flash {
namespace {

// Catches contenders that are measured one after another, and a warm-up that counts.
TEST(Turns, Alternate) {
  std::string order;
  const auto contender = [&](char name) {
    return Contender{[&order, name] { order += name; }, [&order] { order += '.'; }};
  };
  const auto seconds = take_turns({contender('a'), contender('b')}, {.rounds = 3});
  EXPECT_EQ(order, ".a.b.a.b.a.b.a.b");
  ASSERT_EQ(seconds.size(), 2u);
  EXPECT_EQ(seconds[0].size(), 3u);
  EXPECT_EQ(seconds[1].size(), 3u);
}

// Catches a short run that is measured once a turn, and a pace that never ends.
TEST(Turns, TakeAboutAsLongAsAsked) {
  int runs = 0;
  const auto seconds = take_turns({{[&runs] { ++runs; }}}, {.seconds = 0.01});
  EXPECT_GE(seconds[0].size(), 3u);
  EXPECT_GT(runs, static_cast<int>(seconds[0].size()));
}

TEST(Turns, OfNobodyEnd) {
  EXPECT_TRUE(take_turns({}, {}).empty());
}

TEST(Spread, IsThatOfTheMiddleHalf) {
  const Spread s = spread({5, 1, 4, 2, 3});
  EXPECT_EQ(s.min, 1);
  EXPECT_EQ(s.lower_quartile, 2);
  EXPECT_EQ(s.median, 3);
  EXPECT_EQ(s.upper_quartile, 4);
  EXPECT_EQ(s.runs, 5);
  EXPECT_EQ(spread({}).runs, 0);
  EXPECT_EQ(quantile({1, 2}, 0.25), 1.25);
}

}  // namespace
}  // namespace flash

// Guesses beside numbers that can be worked out by hand.
#include "workshop/prediction.h"

#include <gtest/gtest.h>

#include "tile/error.h"

namespace flash {
namespace {

// Reads K once and writes 100 MB of scores; 989 GFLOP; as many exponentials as take 2 ms.
tile::Counters planted_cost(const Problem& problem, const Plan&) {
  tile::Counters cost;
  cost.hbm_read[Tensor::K] = 3 * problem.seqlen_k * problem.kv_heads * problem.head_dim * 2;
  cost.hbm_write[Tensor::S] = 100'000'000;
  cost.hbm_workspace[Tensor::S] = 100'000'000;
  cost.flops = 989'000'000'000;
  cost.exponentials = static_cast<std::int64_t>(2e-3 * 16 * 132 * 1.83e9);
  return cost;
}

Stage planted() {
  return {.name = "01_planted", .idea = "", .passes = {{Pass::Kind::forward, {}, planted_cost}}};
}

TEST(Prediction, ReadsSizes) {
  EXPECT_EQ(parse_bytes("850MB"), 850e6);
  EXPECT_EQ(parse_bytes("1.2 GB"), 1.2e9);
  EXPECT_EQ(parse_bytes("3e8"), 3e8);
  for (const char* bad : {"", "MB", "-1MB", "0", "nan", "inf", "1e99", "5 apples", "0x"})
    EXPECT_THROW(parse_bytes(bad), tile::BadInput) << bad;
}

TEST(Prediction, TimesEachWorkAlone) {
  const Stage stage = planted();
  const Problem problem = predicted_problem(stage);
  const Work work = work_of(stage, problem);
  const double keys = 4096.0 * 4 * 64 * 2;  // fit in the L2 cache: once from HBM
  EXPECT_DOUBLE_EQ(work.memory, (keys + 100e6) / 3.35e12);
  EXPECT_DOUBLE_EQ(work.products, 1e-3);
  EXPECT_NEAR(work.exponentials, 2e-3, 1e-9);
  EXPECT_EQ(work.longest(), "exponentials");
}

TEST(Prediction, SaysHowFarOffItWas) {
  const std::string text = compare(planted(), {.bytes = 53.145728e6, .limit = "memory"});
  EXPECT_NE(text.find("you said 53.1 MB, counted are 106 MB: 2 times too few"), std::string::npos)
      << text;
  EXPECT_NE(text.find("you said memory, it is exponentials"), std::string::npos) << text;
  EXPECT_NE(compare(planted(), {110e6, "memory"}).find("right to a tenth"), std::string::npos);
}

}  // namespace
}  // namespace flash

// What the model makes of real kernels.
#include <gtest/gtest.h>

#include "model/share.h"
#include "model/strip.h"
#include "testing/recordings.h"

namespace flash::model {
namespace {

TEST(Prediction, OfABackwardPassIsTheSameEachTime) {
  const Gpu& gpu = find_gpu("h100");
  for (const char* stage : {"03_v2", "04_v3_hopper"}) {
    const Prediction a = predict(gpu, recorded_backward(stage));
    const Prediction b = predict(gpu, recorded_backward(stage));
    EXPECT_EQ(a.seconds, b.seconds);
    EXPECT_DOUBLE_EQ(a.flops, 2.5 * nominal_flops(problem));
    ASSERT_EQ(a.kernels.size(), 3u);  // row sums, gradients, convert
    for (const KernelPrediction& kernel : a.kernels)
      for (const double busy : kernel.sm.busy) EXPECT_LE(busy, kernel.sm.cycles) << kernel.kernel;
  }
}

TEST(Prediction, OfABackwardPassWithRolesIsShorter) {
  const Gpu& gpu = find_gpu("h100");
  EXPECT_LT(predict(gpu, recorded_backward("04_v3_hopper")).seconds,
            predict(gpu, recorded_backward("03_v2")).seconds);
}

TEST(Prediction, IsTheSameEachTime) {
  for (const char* stage : {"03_v2", "04_v3_hopper"}) {
    const Gpu& gpu = find_gpu("h100");
    const Prediction a = predict(gpu, recorded(stage)), b = predict(gpu, recorded(stage));
    EXPECT_EQ(a.seconds, b.seconds) << stage;
    EXPECT_EQ(a.kernels.size(), 1u);
    for (const double busy : a.kernels[0].sm.busy) EXPECT_LE(busy, a.kernels[0].sm.cycles);
  }
}

// FlashAttention-3's order of 2024 has the longest tiles of the last head at the end.
TEST(Prediction, TheLongestFirstEndSooner) {
  const Gpu& gpu = find_gpu("h100");
  const Stage& stage = find_stage("04_v3_hopper");
  Problem p = problem;
  p.heads = p.kv_heads = 8;
  p.seqlen_q = p.seqlen_k = 4096;
  p.batch = 1;
  const auto& run = stage.passes.front().run;
  const Recording first = record(gpu, stage, run, p),
                  grid = record(gpu, stage, run, p, Order::grid);
  EXPECT_LT(first.persistent_tail, 0.5 * grid.persistent_tail);
  EXPECT_LT(predict(gpu, first).seconds, 0.95 * predict(gpu, grid).seconds);
}

TEST(Prediction, SaysWhatLimits) {
  const Gpu& gpu = find_gpu("h100");
  Problem p = problem;
  p.heads = p.kv_heads = 16;
  p.head_dim = 128;
  p.seqlen_q = p.seqlen_k = 4096;
  p.causal = false;
  const auto bound = [&](const char* name) {
    const Stage& stage = find_stage(name);
    return predict(gpu, record(gpu, stage, stage.passes.front().run, p)).bound();
  };
  EXPECT_EQ(bound("00_naive"), Bound::hbm);
  EXPECT_EQ(bound("03_v2"), Bound::turns);
  EXPECT_EQ(bound("04_v3_hopper"), Bound::latency);
  p.seqlen_q = 1;
  p.batch = 16;
  EXPECT_EQ(bound("03_v2"), Bound::hbm);
}

// Eight blocks have what all SMs together may move, up to what an SM can take.
TEST(Prediction, FewBlocksHaveMoreBandwidthEach) {
  Gpu gpu = find_gpu("h100");
  Problem few = problem;
  few.seqlen_q = 1;
  few.seqlen_k = 20000;
  few.head_dim = 256;
  const Stage& stage = find_stage("03_v2");
  const Recording recording = record(gpu, stage, stage.passes.front().run, few);
  const double seconds = predict(gpu, recording).seconds;
  gpu.copied_per_cycle = 0;  // no more than an SM's share
  EXPECT_GT(predict(gpu, recording).seconds, 1.05 * seconds);
}

// Units twice as fast cannot make a kernel slower.
TEST(Prediction, GainsFromFasterUnits) {
  for (const char* stage : {"03_v2", "04_v3_hopper"}) {
    Gpu gpu = find_gpu("h100");
    const double before = predict(gpu, recorded(stage)).seconds;
    gpu.flops_16bit *= 2;
    gpu.exponentials.alone *= 2;
    gpu.exponentials.beside_products *= 2;
    EXPECT_LT(predict(gpu, recorded(stage)).seconds, before) << stage;
  }
}

TEST(Share, TheLongestFirstLeavesLessWithoutWork) {
  const std::vector<double> loads = {1, 2, 3, 4, 10};
  EXPECT_EQ(largest_share(loads, 1, 2, 1).pieces, (std::vector<std::int64_t>{0, 2, 4}));
  const Share longest = largest_share(loads, 1, 2, 1, 1);
  EXPECT_EQ(longest.pieces, (std::vector<std::int64_t>{4}));
  EXPECT_DOUBLE_EQ(longest.tail, 0);
  EXPECT_NEAR(largest_share(loads, 1, 2, 1).tail, 1 - 20.0 / 28, 1e-12);
  // Of two copies one after the other: 3, 2 and 1 of the first come before 10 of the second.
  EXPECT_EQ(largest_share({1, 2, 3, 10}, 2, 1, 1, 1).pieces,
            (std::vector<std::int64_t>{3, 2, 1, 0, 3, 2, 1, 0}));
  EXPECT_EQ(largest_share({1, 2, 3, 10}, 2, 1, 1, 2).pieces,
            (std::vector<std::int64_t>{3, 3, 2, 2, 1, 1, 0, 0}));
}

// Everything fits in the cache of an H100, so each tensor comes once. (The order of work of a
// persistent kernel is a few bytes more.) Without a cache all that blocks move comes from HBM.
TEST(Prediction, TellsHbmFromWhatBlocksMove) {
  const double once = 2.0 * 2 * 64 * 2 * (300 * 4 + 500 * 2) + 4.0 * 2 * 4 * 300;
  for (const char* stage : {"03_v2", "04_v3_hopper"}) {
    Gpu gpu = find_gpu("h100");
    const Prediction cached = predict(gpu, recorded(stage));
    EXPECT_NEAR(cached.hbm_bytes, once, 1e-3 * once) << stage;
    EXPECT_GT(cached.block_bytes, 1.5 * once) << stage;
    gpu.l2_bytes = 0;
    EXPECT_EQ(predict(gpu, recorded(stage)).hbm_bytes, cached.block_bytes) << stage;
  }
}

// No products at all in the middle: the window is the nearest with as many as there are in all.
TEST(Strip, ShowsWhereThePipelineIsFull) {
  Timeline timeline;
  timeline.cycles = 100;
  const auto multiply = [](double begin, double end) {
    return Interval{0, 0, static_cast<int>(Lane::tensor), begin, end, "mma_AB"};
  };
  timeline.intervals = {multiply(0, 40), multiply(60, 100)};
  EXPECT_DOUBLE_EQ(middle(timeline, 20).begin, 20);
  timeline.intervals = {multiply(0, 100)};
  EXPECT_DOUBLE_EQ(middle(timeline, 20).begin, 40);
  EXPECT_DOUBLE_EQ(middle(timeline, 200).begin, 0);
}

}  // namespace
}  // namespace flash::model

#include "bench/cases/bench_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace flash {
namespace {

constexpr Problem prefill{.seqlen_q = 1000, .seqlen_k = 1000, .head_dim = 50};  // 0.8 GFLOP
constexpr Problem step{.heads = 2, .kv_heads = 1, .seqlen_q = 1, .seqlen_k = 1000, .head_dim = 50};

CaseResult took(double seconds) {
  return {.check = {},
          .failure = "",
          .seconds = {seconds, seconds, seconds, 1.25 * seconds, 3},
          .outputs = {}};
}

Case against(Against what, const std::string& name, const std::string& other = "") {
  return {.name = name, .stage = "03", .problem = prefill, .against = what, .other = other};
}

// 800, 400 and 400 GFLOP/s of a peak of 1000.
GroupResult prefills() {
  GroupResult result{.group = {"group", "A title.", {}}, .results = {took(1e-3), took(2e-3)}};
  result.results.push_back(took(2e-3));
  result.group.cases = {against(Against::fma_peak, "peak"), against(Against::other, "two", "peak"),
                        against(Against::best, "best")};
  result.ceilings[1] = {.fma_gflops = 1000};
  return result;
}

TEST(Bench, RatiosAreToWhatACaseNames) {
  const GroupResult group = prefills();
  EXPECT_DOUBLE_EQ(rate(group.group.cases[0], group.results[0]), 800);
  EXPECT_DOUBLE_EQ(ratio(group, 0), 0.8);
  EXPECT_DOUBLE_EQ(ratio(group, 1), 0.5);
  EXPECT_DOUBLE_EQ(ratio(group, 2), 0.5);
}

// Catches the FLOPs of a forward pass in the place of a backward pass's, and a causal case that is
// compared in its time.
TEST(Bench, ABackwardPassHasItsOwnFlops) {
  GroupResult group = prefills();
  for (Case& c : group.group.cases) c.backward = true;
  EXPECT_DOUBLE_EQ(ratio(group, 0), 2);
  group.group.cases[1].problem.causal = true;
  EXPECT_DOUBLE_EQ(ratio(group, 1), 0.25);  // half the work in twice the time
}

// Catches bytes of Q's type in the place of the cache's, and a bandwidth of warm memory.
TEST(Bench, ACacheIsMeasuredInItsBytes) {
  GroupResult group{.group = {"decode", "", {}}, .results = {took(1e-6), took(2e-6)}};
  Case c{.name = "e4m3",
         .stage = "06",
         .problem = step,
         .cache = CacheKind{DType::e4m3},
         .against = Against::read_bandwidth};
  group.group.cases = {c, c};
  group.group.cases[1].name = "bf16";
  group.group.cases[1].cache->dtype = DType::bf16;
  group.read_gbs[1] = 400;
  EXPECT_DOUBLE_EQ(rate(group.group.cases[0], group.results[0]), 100);
  EXPECT_DOUBLE_EQ(ratio(group, 0), 0.25);
  group.group.cases[0].against = Against::other;
  group.group.cases[0].other = "bf16";
  EXPECT_DOUBLE_EQ(ratio(group, 0), 2);  // of the steps, though not of the bytes
}

// A ratio to a case that failed would be one to nothing.
TEST(Bench, WithoutATimeThereIsNoRatio) {
  GroupResult group = prefills();
  group.results[0].seconds = {};
  EXPECT_EQ(ratio(group, 0), 0);
  EXPECT_EQ(ratio(group, 1), 0);
  group = prefills();
  group.ceilings.clear();
  EXPECT_EQ(ratio(group, 0), 0);
}

TEST(Bench, TheBestPeakCounts) {
  BenchReport report{.machine = {}};
  report.add_peaks(2, {.fma_gflops = 5, .read_gbs = 5, .bf16_gflops = 7, .fma_from_l1_gflops = 3});
  report.add_peaks(2, {.fma_gflops = 4, .read_gbs = 4, .bf16_gflops = 8, .fma_from_l1_gflops = 4});
  EXPECT_EQ(report.peaks[2].fma_gflops, 5);
  EXPECT_EQ(report.peaks[2].bf16_gflops, 8);
  EXPECT_EQ(report.peaks[2].read_gbs, 4);
  EXPECT_EQ(report.peaks[2].fma_from_l1_gflops, 4);
}

TEST(Bench, TextFitsEightyColumnsAndHasBars) {
  GroupResult group = prefills();
  group.group.cases[0].name = "causal d=128 N=4096.";
  group.group.cases[0].goal = {0.9, 0.9};
  BenchReport report{.machine = {}};
  const Terminal terminal{.width = 80};
  const std::string text = group_text(report, group, terminal) + legend_text(terminal);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_NE(text.find("  0.80  FMA "), std::string::npos) << text;
  EXPECT_NE(text.find("###########"), std::string::npos) << text;
  EXPECT_NE(text.find("Warm caches."), std::string::npos) << text;
}

TEST(Bench, JsonHasEveryCaseWithItsRatio) {
  BenchReport report{.machine = {.cpu = "a cpu"}};
  report.groups.push_back(prefills());
  const auto json = to_json(report);
  EXPECT_EQ(json["machine"]["cpu"], "a cpu");
  ASSERT_EQ(json["cases"].size(), 3u);
  EXPECT_EQ(json["cases"][0]["ratio_to"], "FMA peak");
  EXPECT_EQ(json["cases"][1]["ratio_to"], "peak");
  EXPECT_EQ(json["cases"][1]["ratio"], 0.5);
  EXPECT_EQ(json["cases"][1]["processor_caches"], "warm");
  EXPECT_EQ(json["cases"][1]["seconds"]["median"], 2e-3);
}

}  // namespace
}  // namespace flash

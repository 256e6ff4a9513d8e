// Kernels of the stages with a mistake each: every one has to be rejected by the conformance suite,
// and by `ladder run`. The stages of this program are those that mistakes.cmake makes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "check/conformance.h"
#include "check/generator.h"
#include "cli/cli.h"
#include "stages/execute.h"

namespace flash {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const Stage& stage : stages()) names.emplace_back(stage.name);
  return names;
}

bool is_right(const std::string& name) {
  return name.starts_with("right_");
}

// Those of the quick tier that have the head dimension that is compiled.
std::vector<ConformanceCase> compiled_cases() {
  std::vector<ConformanceCase> cases = quick_cases();
  std::erase_if(cases, [](const ConformanceCase& test) {
    return padded_head_dim(test.problem.head_dim) != ATTENTION_HEAD_DIM;
  });
  return cases;
}

bool is_rejected(const Stage& stage, const ConformanceCase& test) {
  tile::cpu::Device device;
  device.set_checked(true);
  const Forward forward = [&](const Problem& problem, const Inputs& inputs) {
    return execute(stage, device, problem, inputs);
  };
  try {
    return !check_case(test, forward).passed;
  } catch (const tile::TileError&) {
    return true;
  }
}

class PlantedKernel : public testing::TestWithParam<std::string> {};

TEST_P(PlantedKernel, InTheQuickTier) {
  const Stage& stage = find_stage(GetParam());
  const std::vector<ConformanceCase> cases = compiled_cases();
  const auto rejected = std::count_if(cases.begin(), cases.end(),
                                      [&](const auto& test) { return is_rejected(stage, test); });
  std::printf("%td of %zu cases reject it\n", rejected, cases.size());
  if (is_right(GetParam())) {
    EXPECT_EQ(rejected, 0);
  } else {
    EXPECT_GE(rejected, 2);  // by one alone it would be by luck
  }
}

// The problem itself is one that few of the mistakes show in.
TEST_P(PlantedKernel, InARun) {
  std::ostringstream out, err;
  const auto peaks = [](int) { return Peaks{100, 10}; };
  const int status =
      run_cli({"run", "--stage", GetParam(), "--heads", "1", "--seqlen-q", "128", "--runs", "1"},
              {out, err, stages(), {}, false, peaks});
  EXPECT_EQ(status, is_right(GetParam()) ? 0 : 1) << out.str() << err.str();
}

INSTANTIATE_TEST_SUITE_P(Kernels, PlantedKernel, testing::ValuesIn(names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace flash

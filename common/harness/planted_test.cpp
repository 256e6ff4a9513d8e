// The suite proves something only if wrong stages fail it. Plants one mistake at a time.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/conformance.h"
#include "harness/generator.h"
#include "harness/scalar_kernel.h"

namespace flash {
namespace {

struct Plant {
  const char* name;
  Bug bug;
};

constexpr Plant plants[] = {
    {"MeanOfV", Bug::mean_of_v},
    {"Zeros", Bug::zeros},
    {"Constant", Bug::constant},
    {"Nan", Bug::nan},
    {"NoScale", Bug::no_scale},
    {"HalfOfTheKeys", Bug::half_of_keys},
    {"LastKeyMissing", Bug::last_key_missing},
    {"AccumulatorNotRescaled", Bug::accumulator_not_rescaled},
    {"MaxNotSubtracted", Bug::max_not_subtracted},
    {"TopLeftMask", Bug::mask_top_left},
    {"WrongKvHead", Bug::wrong_kv_head},
    {"LseInBase2", Bug::lse_base_2},
};

class Planted : public testing::TestWithParam<Plant> {};

// The small shapes stand for the suite here: scalar code takes minutes for all of it.
const std::vector<ConformanceCase>& small_cases() {
  static const std::vector<ConformanceCase> small = [] {
    std::vector<ConformanceCase> cases = conformance_cases();
    std::erase_if(cases, [](const ConformanceCase& test) {
      const Problem& p = test.problem;
      return p.seqlen_q * p.seqlen_k * p.head_dim > 100 * 100 * 64;
    });
    return cases;
  }();
  return small;
}

CheckResult check_scalar_kernel(const ConformanceCase& test, Bug bug) {
  return check_case(test, [&](const Problem& problem, const Inputs& inputs) {
    return scalar_kernel(problem, inputs, bug);
  });
}

TEST_P(Planted, IsRejected) {
  EXPECT_TRUE(std::ranges::any_of(small_cases(), [](const ConformanceCase& test) {
    return !check_scalar_kernel(test, GetParam().bug).passed;
  }));
}

INSTANTIATE_TEST_SUITE_P(Mistakes, Planted, testing::ValuesIn(plants),
                         [](const auto& test) { return test.param.name; });

TEST(PlantedControl, TheSameKernelWithoutAMistakePasses) {
  for (const ConformanceCase& test : small_cases()) {
    const CheckResult result = check_scalar_kernel(test, Bug::none);
    EXPECT_TRUE(result.passed) << test.name << ": " << describe(result);
  }
}

}  // namespace
}  // namespace flash

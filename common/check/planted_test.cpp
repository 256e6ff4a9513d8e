// The suite proves something only if wrong stages fail it. Plants one mistake at a time.
#include <gtest/gtest.h>

#include <algorithm>

#include "check/conformance.h"
#include "check/generator.h"
#include "testing/scalar_kernel.h"

namespace flash {
namespace {

struct Plant {
  const char* name;
  Bug bug;
};

void PrintTo(const Plant& plant, std::ostream* stream) {
  *stream << plant.name;
}

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

CheckResult check_scalar_kernel(const ConformanceCase& test, Bug bug, const Precision& precision) {
  const Forward kernel = [&](const Problem& problem, const Inputs& inputs) {
    return scalar_kernel(problem, inputs, bug);
  };
  return check_case(test, kernel, precision);
}

// By the quick cases, which is what a learner meets first.
bool is_rejected(Bug bug, const Precision& precision) {
  return std::ranges::any_of(quick_cases(), [&](const ConformanceCase& test) {
    return !check_scalar_kernel(test, bug, precision).passed;
  });
}

TEST_P(Planted, IsRejected) {
  EXPECT_TRUE(is_rejected(GetParam().bug, {}));
}

// The bound of stage 05 is wider by four orders of magnitude than that of fp32.
TEST_P(Planted, IsRejectedInFp8) {
  EXPECT_TRUE(is_rejected(GetParam().bug, Fp8{}));
}

INSTANTIATE_TEST_SUITE_P(Mistakes, Planted, testing::ValuesIn(plants),
                         [](const auto& test) { return test.param.name; });

TEST(PlantedControl, TheSameKernelWithoutAMistakePasses) {
  for (const ConformanceCase& test : quick_cases()) {
    const CheckResult result = check_scalar_kernel(test, Bug::none, {});
    EXPECT_TRUE(result.passed) << test.name << ": " << describe(result);
  }
}

}  // namespace
}  // namespace flash

#include "check/checker.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "attention/random.h"
#include "check/generator.h"
#include "testing/scalar_kernel.h"

namespace tile {

void PrintTo(DType dtype, std::ostream* stream) {
  *stream << name(dtype);
}

}  // namespace tile

namespace flash {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

Problem small(DType dtype, bool causal = false) {
  return {.batch = 2,
          .heads = 4,
          .kv_heads = 2,
          .seqlen_q = 24,
          .seqlen_k = 140,
          .head_dim = 16,
          .dtype = dtype,
          .causal = causal};
}

CheckResult check_bug(const Problem& problem, Bug bug, std::uint64_t seed = 0) {
  const Inputs inputs = generate(problem, seed);
  return check(problem, expect(problem, inputs), scalar_kernel(problem, inputs, bug));
}

// A problem of a few elements, whose plain computation is often exact by luck.
Problem tiny(std::uint64_t seed, DType dtype) {
  constexpr std::int64_t head_dims[] = {1, 2, 3, 4, 8, 16, 32, 64, 128, 256};
  Problem p;
  p.dtype = dtype;
  p.batch = 1 + random_below(2, seed, 0);
  p.heads = p.kv_heads = 1 + random_below(2, seed, 1);
  p.seqlen_q = 1 + random_below(3, seed, 2);
  p.seqlen_k = random_below(8, seed, 3);
  p.head_dim = head_dims[random_below(10, seed, 4)];
  p.causal = random_below(2, seed, 5) == 0;
  return p;
}

class EveryDType : public testing::TestWithParam<DType> {};

INSTANTIATE_TEST_SUITE_P(Checker, EveryDType, testing::Values(DType::f32, DType::bf16, DType::f16),
                         [](const auto& test) { return std::string(tile::name(test.param)); });

TEST_P(EveryDType, AcceptsARightKernelWhereThePlainComputationIsLucky) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Problem problem = tiny(seed, GetParam());
    const CheckResult result = check_bug(problem, Bug::none, seed);
    ASSERT_TRUE(result.passed) << "seed " << seed << ": " << describe(result);
  }
}

TEST_P(EveryDType, AcceptsARightKernelOnRandomProblems) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const CheckResult result = check_bug(random_problem(seed, GetParam()), Bug::none, seed);
    EXPECT_TRUE(result.passed) << "seed " << seed << ": " << describe(result);
    EXPECT_EQ(result.rows_checked, result.rows_total);
  }
}

TEST_P(EveryDType, RejectsOneElementThatIsNotFinite) {
  const Problem problem = small(GetParam());
  const Inputs inputs = generate(problem, 0);
  const Expected expected = expect(problem, inputs);
  const Outputs right = scalar_kernel(problem, inputs);
  for (const float bad : {nan, infinity, -infinity}) {
    Outputs outputs = right;
    set_element(outputs.o, problem.dtype, q_offset(problem, 1, 5, 3) + 7, bad);
    const CheckResult o = check(problem, expected, outputs);
    EXPECT_FALSE(o.passed);
    EXPECT_EQ(o.o_wrong, 1);
    EXPECT_EQ(o.max_abs_error, infinity);
    EXPECT_NE(describe(o).find("O[batch 1, row 5, head 3, column 7]"), std::string::npos);

    outputs = right;
    outputs.lse[problem.row_offset(1, 2) + 23] = bad;
    const CheckResult lse = check(problem, expected, outputs);
    EXPECT_FALSE(lse.passed);
    EXPECT_EQ(lse.lse_wrong, 1);
    EXPECT_NE(describe(lse).find("LSE[batch 1, row 23, head 2]"), std::string::npos);
  }
  EXPECT_FALSE(check_bug(problem, Bug::nan).passed);
}

TEST(Checker, WantsExactlyZeroAndMinusInfinityWhereARowSeesNoKey) {
  Problem problem = small(DType::f32, true);
  problem.seqlen_q = 50, problem.seqlen_k = 40;
  const Inputs inputs = generate(problem, 0);
  const Expected expected = expect(problem, inputs);
  const Outputs right = scalar_kernel(problem, inputs);
  EXPECT_TRUE(check(problem, expected, right).passed);

  Outputs outputs = right;
  set_element(outputs.o, problem.dtype, q_offset(problem, 0, 3, 1), 1e-30f);
  EXPECT_FALSE(check(problem, expected, outputs).passed);
  outputs = right;
  outputs.lse[3] = -1e30f;
  EXPECT_FALSE(check(problem, expected, outputs).passed);
  EXPECT_FALSE(check_bug(problem, Bug::empty_row_divided).passed);
}

TEST(Checker, RejectsAMeanErrorThatHidesBelowTheMaximum) {
  const Problem problem = small(DType::bf16);
  const Inputs inputs = generate(problem, 0);
  const Expected expected = expect(problem, inputs);
  Outputs outputs = scalar_kernel(problem, inputs);
  const std::int64_t count = q_elements(problem);
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = element(outputs.o, problem.dtype, i);
    set_element(outputs.o, problem.dtype, i, value + 0.5f * static_cast<float>(expected.o.max));
  }
  const CheckResult result = check(problem, expected, outputs);
  EXPECT_EQ(result.o_wrong, 0);
  EXPECT_FALSE(result.passed);
  EXPECT_NE(describe(result).find("mean error"), std::string::npos);
}

TEST(Checker, SeesAWrongLastRowOfASampledProblem) {
  const Problem problem{.heads = 1, .kv_heads = 1, .seqlen_q = 300, .seqlen_k = 100, .head_dim = 8};
  const Inputs inputs = generate(problem, 0);
  const Expected expected = expect(problem, inputs, sample_rows(problem, 1e5));
  Outputs outputs = scalar_kernel(problem, inputs);
  const CheckResult right = check(problem, expected, outputs);
  EXPECT_TRUE(right.passed);
  EXPECT_LT(right.rows_checked, 100);
  EXPECT_EQ(right.rows_total, 300);
  outputs.lse.back() += 1;
  EXPECT_FALSE(check(problem, expected, outputs).passed);
}

TEST(Checker, DoesNotReadPastOutputsOfAWrongSize) {
  const Problem problem = small(DType::f32);
  const Inputs inputs = generate(problem, 0);
  Outputs outputs = scalar_kernel(problem, inputs);
  outputs.lse.pop_back();
  EXPECT_THROW(check(problem, expect(problem, inputs), outputs), BadInput);
}

TEST(Checker, PassesAProblemWithoutElements) {
  Problem problem = small(DType::f32);
  problem.seqlen_q = 0;
  EXPECT_TRUE(check_bug(problem, Bug::none).passed);
}

}  // namespace
}  // namespace flash

// The shared suite of the backward pass. It is compiled once, and runs the stages that are linked
// with it.
#include "bench/backward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <sstream>

#include "check/generator.h"
#include "report/summary.h"
#include "testing/backward_suite.h"
#include "testing/suite.h"

namespace flash {
namespace {

void expect_all_pass(const std::vector<ConformanceCase>& cases) {
  ASSERT_FALSE(stages().empty());
  for (const Stage& stage : stages()) {
    ASSERT_TRUE(stage.backward()) << stage.name;
    std::ostringstream text;
    if (examine_backward(stage, cases, text) > 0) ADD_FAILURE() << text.str();
  }
}

bool has_at_most_300_rows(const ConformanceCase& test) {
  return std::max(test.problem.seqlen_q, test.problem.seqlen_k) <= 300;
}

TEST(Backward, GridUpTo300) {
  std::vector<ConformanceCase> cases = grid_cases();
  std::erase_if(cases, std::not_fn(has_at_most_300_rows));
  expect_all_pass(cases);
}

TEST(Backward, DropoutForwardAndBackward) {
  for (const Stage& stage : stages()) {
    std::ostringstream text;
    if (examine(stage, dropout_cases(), text) > 0) ADD_FAILURE() << text.str();
  }
  expect_all_pass(dropout_cases());
}

// A third of them: their reference takes five products in double.
TEST(Backward, GridAbove300) {
  std::vector<ConformanceCase> cases;
  std::ranges::remove_copy_if(grid_cases(), std::back_inserter(cases), has_at_most_300_rows);
  std::erase_if(cases, [i = 0](const ConformanceCase&) mutable { return i++ % 3 != 0; });
  expect_all_pass(cases);
}

TEST(Backward, FiveHundredProblems) {
  ASSERT_FALSE(stages().empty());
  constexpr DType dtypes[] = {DType::f32, DType::bf16, DType::f16};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Problem problem = random_problem(seed, dtypes[seed % 3]);
    if (seed % 4 == 3) problem.dropout = 0.2, problem.dropout_seed = seed;
    const Inputs inputs = generate_with_gradient(problem, seed);
    const ExpectedGradients expected = expect_gradients(problem, inputs);
    for (const Stage& stage : stages()) {
      tile::cpu::Device device;
      const BackwardVerdict verdict = run_and_check(stage, device, problem, inputs, expected);
      ASSERT_TRUE(verdict.passed()) << stage.name << ", seed " << seed << ", "
                                    << problem_text(problem) << ": " << describe(verdict);
    }
  }
}

// Catches a barrier that is missing between the roles of a block, or one too many.
TEST(Backward, AThousandSchedules) {
  Problem problem{.heads = 2, .kv_heads = 1, .head_dim = 64, .causal = true, .deterministic = true};
  problem.seqlen_q = 150, problem.seqlen_k = 310;
  const Inputs inputs = generate_with_gradient(problem, 4);
  for (const Stage& stage : stages()) {
    tile::cpu::Device device(tile::find_gpu("h100"), 1);
    device.set_checked(true);
    Measured measured;
    measured.report.passed = true;
    measured.outputs = execute_backward(stage, device, problem, inputs);
    explore_backward(stage, device, problem, inputs, 1000, measured);
    EXPECT_TRUE(measured.report.passed) << stage.name << ": " << measured.report.failure;
  }
}

// Catches a sum of dK or dV whose order depends on which thread runs a block, or on checked mode.
// That of dQ may, where blocks add to it in HBM: it stays within the bound.
TEST(Backward, SameBitsOfDkAndDvForAnyThreadCount) {
  ASSERT_FALSE(stages().empty());
  Problem problem{.batch = 2, .kv_heads = 2, .seqlen_q = 333, .seqlen_k = 517, .causal = true};
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    problem.dtype = dtype;
    const Inputs inputs = generate_with_gradient(problem, 7);
    const ExpectedGradients expected = expect_gradients(problem, inputs);
    for (const Stage& stage : stages()) {
      tile::cpu::Device first_device;
      first_device.set_checked(true);
      const Outputs first = execute_backward(stage, first_device, problem, inputs);
      for (const int threads : {1, 2, 3, 7}) {
        tile::cpu::Device device(tile::find_gpu("h100"), threads);
        const BackwardVerdict again = run_and_check(stage, device, problem, inputs, expected);
        EXPECT_TRUE(again.passed()) << describe(again);
        EXPECT_EQ(first.gradients->dk, again.outputs.gradients->dk) << threads << " threads";
        EXPECT_EQ(first.gradients->dv, again.outputs.gradients->dv) << threads << " threads";
      }
    }
  }
}

// Whoever adds to dQ first; a hundred times, as an order that is wrong may come right by luck.
TEST(Backward, DeterministicModeGivesTheSameBitsOfAllGradients) {
  ASSERT_FALSE(stages().empty());
  Problem problem{.batch = 2, .kv_heads = 2, .seqlen_q = 333, .seqlen_k = 517, .causal = true};
  problem.deterministic = true;
  problem.dropout = 0.1;
  for (const DType dtype : {DType::f32, DType::bf16}) {
    problem.dtype = dtype;
    const Inputs inputs = generate_with_gradient(problem, 7);
    const ExpectedGradients expected = expect_gradients(problem, inputs);
    for (const Stage& stage : stages()) {
      tile::cpu::Device first_device;
      first_device.set_checked(true);
      const BackwardVerdict first = run_and_check(stage, first_device, problem, inputs, expected);
      ASSERT_TRUE(first.passed()) << describe(first);
      for (const int threads : {1, 2, 3, 7}) {
        tile::cpu::Device device(tile::find_gpu("h100"), threads);
        for (int run = 0; run < 25; ++run) {
          const Outputs again = execute_backward(stage, device, problem, inputs);
          ASSERT_EQ(first.outputs.gradients->dq, again.gradients->dq) << threads << " threads";
          ASSERT_EQ(first.outputs.gradients->dk, again.gradients->dk) << threads << " threads";
          ASSERT_EQ(first.outputs.gradients->dv, again.gradients->dv) << threads << " threads";
        }
      }
    }
  }
}

}  // namespace
}  // namespace flash

// A diagnosis helps only if it is the right one. Plants one mistake at a time.
#include <gtest/gtest.h>

#include "check/generator.h"
#include "diagnosis/diagnosis.h"
#include "testing/scalar_kernel.h"

namespace flash {
namespace {

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

// What the checker and the diagnosis make of a kernel with a bug.
CheckResult examine(const Problem& problem, Bug bug, std::uint64_t seed = 0) {
  const Inputs inputs = generate(problem, seed);
  const Outputs outputs = scalar_kernel(problem, inputs, bug);
  CheckResult result = check(problem, expect(problem, inputs), outputs);
  diagnose(problem, inputs, outputs, result);
  return result;
}

void expect_named(const CheckResult& result, const std::string& looks_like) {
  EXPECT_FALSE(result.passed) << looks_like << ": " << describe(result);
  EXPECT_NE(result.looks_like.find(looks_like), std::string::npos)
      << "planted: " << looks_like << ", " << describe(result);
}

struct Plant {
  Bug bug;
  const char* looks_like;
  bool causal = false;
};

constexpr Plant plants[] = {
    {Bug::mean_of_v, "the mean of V"},
    {Bug::zeros, "every element is 0"},
    {Bug::constant, "every element is 0.75"},
    {Bug::no_scale, "1/sqrt(head_dim), is missing"},
    {Bug::scale_twice, "applied twice"},
    {Bug::natural_scale_in_exp2, "lack the factor log2(e)"},
    {Bug::mask_missing, "the causal mask is missing", true},
    {Bug::mask_top_left, "top-left", true},
    {Bug::mask_unasked, "does not have"},
    {Bug::half_of_keys, "first half"},
    {Bug::tail_missing, "after the last whole tile are missing"},
    {Bug::last_key_missing, "the last key is missing"},
    {Bug::padding_counted, "padding keys count with score 0"},
    {Bug::wrong_kv_head, "h % kv_heads"},
    {Bug::swapped_k_v, "swapped"},
    {Bug::not_divided, "not divided"},
    {Bug::accumulator_not_rescaled, "accumulator is not rescaled"},
    {Bug::sum_rescaled_late, "the row sum is rescaled after the tile's is added"},
    {Bug::rescaled_wrong_sign, "the wrong sign"},
    {Bug::own_maximum, "relative to its own maximum"},
    {Bug::divided_in_every_tile, "divided by the row sum in every tile"},
    {Bug::divided_twice, "divided by the row sum twice"},
    {Bug::mask_after_softmax, "mask is applied after the softmax", true},
    {Bug::answer_of_next_head, "answer of the next head"},
    {Bug::first_tile_of_v, "V is always read from the first tile"},
    {Bug::lse_base_2, "base 2"},
    {Bug::lse_without_max, "lacks the row maximum"},
};

TEST(PlantedBugs, AreNamedInEveryDType) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (const auto& [bug, looks_like, causal] : plants)
      expect_named(examine(small(dtype, causal), bug), looks_like);
}

TEST(PlantedBugs, OverflowOfExpWithoutTheMaximumIsNamed) {
  for (const std::uint64_t seed : {2, 3})  // shifted scores
    expect_named(examine(small(DType::f32), Bug::max_not_subtracted, seed),
                 "maximum is not subtracted");
}

TEST(PlantedBugs, DividedEmptyRowsAreNamed) {
  Problem problem = small(DType::f32, true);
  problem.seqlen_q = 50, problem.seqlen_k = 40;
  expect_named(examine(problem, Bug::empty_row_divided), "see no key");
}

}  // namespace
}  // namespace flash

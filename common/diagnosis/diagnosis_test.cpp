#include "diagnosis/diagnosis.h"

#include <gtest/gtest.h>

#include "check/generator.h"
#include "check/reference.h"
#include "diagnosis/mistakes.h"

namespace flash {
namespace {

Outputs rounded(const Problem& p, const RowResults<double>& exact) {
  Outputs outputs{Buffer(q_elements(p) * size_in_bytes(p.dtype)),
                  std::vector<float>(lse_elements(p))};
  for_each_row(all_rows(p), [&](std::int64_t index, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < p.heads; ++h) {
      const std::int64_t row = index * p.heads + h;
      outputs.lse[p.row_offset(batch, h) + query] = static_cast<float>(exact.lse[row]);
      for (std::int64_t c = 0; c < p.head_dim; ++c)
        set_element(outputs.o, p.dtype, q_offset(p, batch, query, h) + c,
                    static_cast<float>(exact.o[row * p.head_dim + c]));
    }
  });
  return outputs;
}

Outputs right_outputs(const Problem& p, const Inputs& inputs) {
  return rounded(p, reference_forward(p, inputs, all_rows(p)));
}

CheckResult diagnosed(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
                      const KernelTraits& kernel = {}) {
  CheckResult result = check(problem, expect(problem, inputs, kernel.precision), outputs);
  diagnose(problem, inputs, outputs, result, kernel);
  return result;
}

const Problem small{.heads = 4, .kv_heads = 2, .seqlen_q = 50, .seqlen_k = 90, .head_dim = 16};

TEST(Diagnosis, FindsNothingInARightOutput) {
  const Inputs inputs = generate(small, 0);
  const CheckResult result = diagnosed(small, inputs, right_outputs(small, inputs));
  EXPECT_TRUE(result.passed);
  EXPECT_EQ(result.looks_like + result.where + result.values, "");
}

TEST(Diagnosis, NamesNoMistakeForNoise) {
  const Inputs inputs = generate(small, 0);
  Outputs outputs = right_outputs(small, inputs);
  for (std::int64_t i = 0; i < q_elements(small); ++i)
    set_element(outputs.o, small.dtype, i,
                element(outputs.o, small.dtype, i) + 0.1f * static_cast<float>(i % 7 - 3));
  const CheckResult result = diagnosed(small, inputs, outputs);
  EXPECT_EQ(result.looks_like, "");
  EXPECT_EQ(result.where, "O: everywhere");
}

// A name may be that of another mistake only if the results are the same, and then both are said.
void expect_all_named(const Problem& problem, const KernelTraits& kernel = {}) {
  const Inputs inputs = generate(problem, 0, kernel.precision);
  const Setting setting{
      problem, kernel.plan(problem.shape()), kernel.plan == decoding_plan, {}, problem.head_dim};
  const Outputs right = right_outputs(problem, inputs);
  for (const Mistake* mistake : mistakes()) {
    if (mistake->applies && !mistake->applies(setting)) continue;
    const Outputs wrong =
        rounded(problem, forward_with_mistake(setting, inputs, all_rows(problem), *mistake, 64));
    const CheckResult result = diagnosed(problem, inputs, wrong, kernel);
    if (result.passed) continue;  // about what the problem has not
    EXPECT_NE(result.looks_like.find(mistake->name), std::string::npos)
        << mistake->name << ": " << describe(result);
  }
}

TEST(Diagnosis, TellsTheMistakesApart) {
  for (const bool causal : {false, true})
    expect_all_named({.batch = 2,
                      .heads = 4,
                      .kv_heads = 2,
                      .seqlen_q = 12,
                      .seqlen_k = 205,
                      .head_dim = 4,
                      .causal = causal});
}

TEST(Diagnosis, TellsTheMistakesOfSplitsApart) {
  for (const bool causal : {false, true})
    expect_all_named({.heads = 4,
                      .kv_heads = 2,
                      .seqlen_q = 3,
                      .seqlen_k = 700,
                      .head_dim = 4,
                      .causal = causal},
                     {.plan = decoding_plan});
}

}  // namespace
}  // namespace flash

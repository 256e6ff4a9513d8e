#include "diagnosis/diagnosis.h"

#include <gtest/gtest.h>

#include <cmath>

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
    if (result.passed) continue;                              // about what the problem has not
    if (result.looks_like == "every element is 0") continue;  // no other problem is right
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

TEST(Diagnosis, TellsTheMistakesOfFp8Apart) {
  const Problem problem{.heads = 2, .kv_heads = 2, .seqlen_q = 140, .seqlen_k = 205};
  const Fp8 fp8;
  const Inputs inputs = generate(problem, 0, fp8);
  int named = 0;
  for (const Mistake& mistake : mistakes_of_fp8()) {
    const Setting setting{problem, plan_of(problem.shape()), false, fp8, problem.head_dim};
    if (!mistake.applies(setting)) continue;
    const QuantisedProblem wide =
        quantised(problem, inputs, fp8, mistake.fp8.value_or(Fp8Mistake{}));
    const Setting quantised_setting{wide.problem, setting.plan,     false,
                                    fp8,          problem.head_dim, &wide};
    const Outputs wrong = rounded(problem, forward_with_mistake(quantised_setting, wide.inputs,
                                                                all_rows(problem), mistake, 64));
    const CheckResult result = diagnosed(problem, inputs, wrong, {.precision = fp8});
    named += !result.looks_like.empty();
    EXPECT_TRUE(result.looks_like.empty() || result.looks_like.starts_with(mistake.name))
        << mistake.name << ": " << describe(result);
  }
  EXPECT_GE(named,
            10);  // blocks may have the same scale, and FP8 hides the scale of Q applied twice
}

// ---- several problems

Tried tried(const Problem& problem, const Mistake* mistake) {
  Tried one{problem, generate(problem, 0), {}, {}};
  const Setting setting{problem, plan_of(problem.shape()), false, {}, problem.head_dim};
  one.outputs = mistake ? rounded(problem, forward_with_mistake(setting, one.inputs,
                                                                all_rows(problem), *mistake, 64))
                        : right_outputs(problem, one.inputs);
  one.check = check(problem, expect(problem, one.inputs), one.outputs);
  return one;
}

const Mistake* find(std::string_view name) {
  for (const Mistake* mistake : mistakes())
    if (mistake->name == name) return mistake;
  return nullptr;
}

const Problem other{.heads = 2, .kv_heads = 1, .seqlen_q = 30, .seqlen_k = 150, .head_dim = 32};

TEST(SeveralProblems, NameWhatExplainsThemAll) {
  const Mistake* mistake = find("the row sum is not rescaled when the maximum moves");
  const Tried both[] = {tried(small, mistake), tried(other, mistake)};
  EXPECT_TRUE(diagnose(both).looks_like.starts_with(mistake->name));
}

// Catches a kernel that is said to write zeros, while it is right where the keys fill all tiles.
TEST(SeveralProblems, NameWhyAllOfOneIsZero) {
  const Mistake* mistake =
      find("the mask is applied after exp: keys past the end weigh -inf in the row sum");
  Problem whole = other;
  whole.seqlen_k = 128;
  const Tried zeros = tried(other, mistake), both[] = {zeros, tried(whole, mistake)};
  EXPECT_EQ(diagnose({&zeros, 1}).looks_like, "every element is 0");
  EXPECT_TRUE(diagnose(both).looks_like.starts_with(mistake->name));
}

// Catches a name that is lost to a problem on which the mistake makes no more than rounding does.
TEST(SeveralProblems, NameWhatSomeOfThemHardlyShow) {
  const Mistake* mistake = find("the last key is missing");
  Tried hardly = tried(other, nullptr);
  for (std::int64_t i = 0; i < q_elements(other); ++i)
    set_element(hardly.outputs.o, other.dtype, i,
                element(hardly.outputs.o, other.dtype, i) +
                    2 * static_cast<float>(hardly.check.error_bound));
  hardly.check = check(other, expect(other, hardly.inputs), hardly.outputs);
  ASSERT_FALSE(hardly.check.o_passed);
  const Tried both[] = {hardly, tried(small, mistake)};
  EXPECT_TRUE(diagnose(both).looks_like.starts_with(mistake->name));
}

TEST(SeveralProblems, NameNothingOnWhichTheyDisagree) {
  const Tried both[] = {tried(small, find("the last key is missing")),
                        tried(other, find("the first key is missing"))};
  EXPECT_EQ(diagnose(both).looks_like, "");
}

// Of rows that see no key the mistake in the sum of the others makes 0, not -inf.
TEST(Diagnosis, NamesAMistakeBesideRowsThatSeeNoKey) {
  const Problem problem{.seqlen_q = 60, .seqlen_k = 40, .head_dim = 16, .causal = true};
  Tried one = tried(problem, find("LSE is the row sum"));
  for (float& lse : one.outputs.lse)
    if (!std::isfinite(lse)) lse = 0;
  one.check = check(problem, expect(problem, one.inputs), one.outputs);
  EXPECT_TRUE(diagnose({&one, 1}).looks_like.starts_with("LSE is the row sum"));
}

// Told apart: 20 rows without a key that nobody wrote, and that hold something else than 0.
TEST(Diagnosis, SaysWhatRowsThatSeeNoKeyHold) {
  const Problem problem{.seqlen_q = 60, .seqlen_k = 40, .head_dim = 16, .causal = true};
  const Inputs inputs = generate(problem, 0);
  const auto looks_like = [&](auto&& spoil) {
    Outputs outputs = right_outputs(problem, inputs);
    spoil(outputs);
    return diagnosed(problem, inputs, outputs).looks_like;
  };
  const std::int64_t elements = 20 * problem.head_dim;
  EXPECT_EQ(looks_like([&](Outputs& o) { std::fill_n(o.o.begin(), 4 * elements, std::byte{255}); }),
            "rows that see no key are never written");
  const auto half = [&](Outputs& o) {
    for (std::int64_t i = 0; i < elements; ++i) set_element(o.o, problem.dtype, i, 0.5f);
  };
  EXPECT_EQ(looks_like(half), "rows that see no key are not set to 0");
  EXPECT_EQ(looks_like([](Outputs& o) { std::fill_n(o.lse.begin(), 20, 0.5f); }),
            "rows that see no key are not set to -inf");
}

// Catches a name that a problem which passes refutes.
TEST(SeveralProblems, NameNothingThatWouldHaveFailed) {
  const Tried both[] = {tried(small, find("the last key is missing")), tried(other, nullptr)};
  EXPECT_EQ(diagnose(both).looks_like, "");
}

// Where O is right no mistake is named that changes it.
TEST(SeveralProblems, NameOnlyMistakesInLseWhereOIsRight) {
  for (const Mistake* mistake : mistakes()) {
    const Tried one = tried(small, mistake);
    Tried lse_only = tried(small, nullptr);
    lse_only.outputs.lse = one.outputs.lse;
    lse_only.check = check(small, expect(small, lse_only.inputs), lse_only.outputs);
    if (one.check.o_passed || lse_only.check.passed) continue;
    const Findings findings = diagnose({&lse_only, 1});
    for (const Mistake* named : mistakes()) {
      if (!findings.looks_like.starts_with(named->name)) continue;
      EXPECT_TRUE(tried(small, named).check.o_passed) << findings.looks_like;
    }
  }
}

}  // namespace
}  // namespace flash

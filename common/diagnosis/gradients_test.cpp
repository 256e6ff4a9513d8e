// Every mistake in a backward pass that is known, planted: it is named, and no other is.
#include "diagnosis/gradients.h"

#include <gtest/gtest.h>

#include "check/generator.h"
#include "diagnosis/gradient_mistakes.h"

namespace flash {
namespace {

// What a kernel with the mistake would write.
TriedGradients planted(const Problem& p, const GradientMistake& mistake, double factor_of_dk = 1) {
  TriedGradients tried{p, generate(p, 0), {}, {}, {}};
  tried.inputs.d_o = generate_gradient(p, 0);
  tried.expected = expect_gradients(p, tried.inputs);
  const std::int64_t d = p.head_dim, group = p.heads / p.kv_heads;
  tried.gradients = {Buffer(q_elements(p) * 4), Buffer(k_elements(p) * 4),
                     Buffer(k_elements(p) * 4)};
  for (const auto& [batch, kv_head] : tried.expected.heads) {
    const MistakenGradients wrong =
        backward_with_mistake(p, tried.inputs, {batch, kv_head}, backward_tile_shape(64), mistake);
    const Sequence s = p.sequence(batch);
    const auto put = [&](Buffer& to, std::int64_t row, std::int64_t of_row, const double* from,
                         double factor) {
      for (std::int64_t c = 0; c < d; ++c)
        set_element(to, p.dtype, row * d + c, static_cast<float>(factor * from[of_row * d + c]));
    };
    for (std::int64_t g = 0; g < group; ++g)
      for (std::int64_t i = 0; i < s.q_length; ++i)
        put(tried.gradients.dq, (s.q_begin + i) * p.heads + kv_head * group + g, g * s.q_length + i,
            wrong.dq.data(), 1);
    for (std::int64_t j = 0; j < s.k_length; ++j) {
      const std::int64_t row = (s.k_begin + j) * p.kv_heads + kv_head;
      put(tried.gradients.dk, row, j, wrong.dk.data(), factor_of_dk);
      put(tried.gradients.dv, row, j, wrong.dv.data(), 1);
    }
  }
  tried.check = check(p, tried.expected, tried.gradients);
  return tried;
}

const Problem full{.heads = 2, .kv_heads = 1, .seqlen_q = 140, .seqlen_k = 150, .head_dim = 64};
const Problem causal{
    .heads = 2, .kv_heads = 1, .seqlen_q = 150, .seqlen_k = 140, .head_dim = 64, .causal = true};

Problem with_dropout(Problem problem) {
  problem.dropout = 0.3;
  return problem;
}

void expect_named(const TriedGradients (&tried)[2], const GradientMistake& mistake) {
  ASSERT_FALSE(tried[0].check.passed());
  const GradientFindings findings = diagnose(tried);
  EXPECT_NE(findings.looks_like.find(mistake.name), std::string::npos) << findings.looks_like;
}

using KnownMistake = testing::TestWithParam<GradientMistake>;

// Of a mask the full problem passes, and speaks for it.
TEST_P(KnownMistake, IsNamed) {
  expect_named({planted(causal, GetParam()), planted(full, GetParam())}, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Backward, KnownMistake, testing::ValuesIn(gradient_mistakes()),
                         [](const auto& of) { return std::to_string(of.index); });

using KnownMistakeInDropout = testing::TestWithParam<GradientMistake>;

// The problem without dropout passes.
TEST_P(KnownMistakeInDropout, IsNamed) {
  expect_named({planted(with_dropout(causal), GetParam()), planted(full, GetParam())}, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Backward, KnownMistakeInDropout,
                         testing::ValuesIn(gradient_mistakes_of_dropout()),
                         [](const auto& of) { return std::to_string(of.index); });
INSTANTIATE_TEST_SUITE_P(Roles, KnownMistakeInDropout,
                         testing::ValuesIn(gradient_mistakes_of_roles()),
                         [](const auto& of) { return std::to_string(of.index); });

TEST(GradientDiagnosis, NamesNothingWhereNothingIsWrong) {
  const TriedGradients tried[] = {planted(causal, {.name = "none"}),
                                  planted(full, {.name = "none"})};
  ASSERT_TRUE(tried[0].check.passed()) << describe(tried[0].check);
  const GradientFindings findings = diagnose(tried);
  EXPECT_EQ(findings.looks_like + findings.values, "");
}

// Catches a name for a mistake that the problem that passes would have shown as well.
TEST(GradientDiagnosis, NamesNothingThatAnotherProblemSpeaksAgainst) {
  const GradientMistake& no_D = gradient_mistakes().front();
  const TriedGradients tried[] = {planted(causal, no_D), planted(full, {.name = "none"})};
  EXPECT_EQ(diagnose(tried).looks_like, "");
}

TEST(GradientDiagnosis, SaysWhatFactorAGradientHas) {
  const TriedGradients tried[] = {planted(full, {.name = "none"}, 0.3)};
  const GradientFindings findings = diagnose(tried);
  EXPECT_EQ(findings.looks_like, "");
  EXPECT_EQ(findings.values, "dK is 0.3 times what it should be");
}

}  // namespace
}  // namespace flash

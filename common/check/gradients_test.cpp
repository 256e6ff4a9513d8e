// The analytic gradient against difference quotients, and gradients that are nearly right.
#include "check/gradients.h"

#include <gtest/gtest.h>

#include <cmath>

#include "check/generator.h"
#include "check/reference.h"

namespace flash {
namespace {

Problem small_problem(bool causal) {
  return {.batch = 2,
          .heads = 4,
          .kv_heads = 2,
          .seqlen_q = 9,
          .seqlen_k = 7,
          .head_dim = 6,
          .causal = causal};
}

Inputs inputs_of(const Problem& problem, std::uint64_t seed) {
  Inputs inputs = generate(problem, seed);
  inputs.d_o = generate_gradient(problem, seed);
  return inputs;
}

// The sum of dO O, whose gradient the backward pass computes.
double loss(const Problem& p, const Inputs& inputs) {
  const RowResults<double> forward = reference_forward(p, inputs, all_rows(p));
  double sum = 0;
  for (std::size_t i = 0; i < forward.o.size(); ++i)
    sum += forward.o[i] * element(inputs.d_o, p.dtype, static_cast<std::int64_t>(i));
  return sum;
}

// By central differences with h and h/2, extrapolated: the error is of the order of h^4. The steps
// are exact in fp32.
double difference_quotient(const Problem& p, Inputs inputs, Buffer Inputs::*tensor,
                           std::int64_t i) {
  const float x = element(inputs.*tensor, p.dtype, i);
  const auto quotient = [&](float h) {
    const float up = x + h, down = x - h;
    set_element(inputs.*tensor, p.dtype, i, up);
    const double above = loss(p, inputs);
    set_element(inputs.*tensor, p.dtype, i, down);
    return (above - loss(p, inputs)) / (double{up} - double{down});
  };
  constexpr float h = 0x1p-7f;
  return (4 * quotient(h / 2) - quotient(h)) / 3;
}

// Catches a formula that is wrong in the reference itself.
TEST(ReferenceBackward, AgreesWithDifferenceQuotients) {
  for (const auto& [causal, dropout] :
       {std::pair{false, 0.0}, std::pair{true, 0.0}, std::pair{true, 0.3}}) {
    Problem p = small_problem(causal);
    p.dropout = dropout;
    const Inputs inputs = inputs_of(p, 3);
    const std::int64_t d = p.head_dim, group = p.heads / p.kv_heads;
    for (std::int64_t batch = 0; batch < p.batch; ++batch)
      for (std::int64_t kv_head = 0; kv_head < p.kv_heads; ++kv_head) {
        const HeadGradients<double> gradients = reference_backward(p, inputs, {batch, kv_head});
        for (std::int64_t c = 0; c < d; ++c) {
          for (std::int64_t row = 0; row < p.seqlen_k; ++row) {
            const std::int64_t i = ((batch * p.seqlen_k + row) * p.kv_heads + kv_head) * d + c;
            EXPECT_NEAR(gradients.dk[row * d + c], difference_quotient(p, inputs, &Inputs::k, i),
                        2e-5);
            EXPECT_NEAR(gradients.dv[row * d + c], difference_quotient(p, inputs, &Inputs::v, i),
                        2e-5);
          }
          for (std::int64_t g = 0; g < group; ++g)
            for (std::int64_t row = 0; row < p.seqlen_q; ++row) {
              const std::int64_t head = kv_head * group + g;
              const std::int64_t i = ((batch * p.seqlen_q + row) * p.heads + head) * d + c;
              EXPECT_NEAR(gradients.dq[(g * p.seqlen_q + row) * d + c],
                          difference_quotient(p, inputs, &Inputs::q, i), 2e-5);
            }
        }
      }
  }
}

// The reference's gradients, rounded to the problem's type.
Gradients exact(const Problem& p, const ExpectedGradients& expected) {
  const std::int64_t d = p.head_dim, group = p.heads / p.kv_heads, size = size_in_bytes(p.dtype);
  Gradients to{Buffer(q_elements(p) * size), Buffer(k_elements(p) * size),
               Buffer(k_elements(p) * size)};
  for (std::size_t i = 0; i < expected.heads.size(); ++i) {
    const auto& [batch, kv_head] = expected.heads[i];
    const HeadGradients<double>& from = expected.reference[i];
    const Sequence s = p.sequence(batch);
    const auto put = [&](Buffer& buffer, std::int64_t token, std::int64_t heads, std::int64_t head,
                         const double* row) {
      for (std::int64_t c = 0; c < d; ++c)
        set_element(buffer, p.dtype, (token * heads + head) * d + c, static_cast<float>(row[c]));
    };
    for (std::int64_t g = 0; g < group; ++g)
      for (std::int64_t row = 0; row < s.q_length; ++row)
        put(to.dq, s.q_begin + row, p.heads, kv_head * group + g,
            &from.dq[(g * s.q_length + row) * d]);
    for (std::int64_t row = 0; row < s.k_length; ++row) {
      put(to.dk, s.k_begin + row, p.kv_heads, kv_head, &from.dk[row * d]);
      put(to.dv, s.k_begin + row, p.kv_heads, kv_head, &from.dv[row * d]);
    }
  }
  return to;
}

class GradientCheckTest : public testing::TestWithParam<DType> {
 protected:
  Problem problem = [] {
    Problem p{.heads = 2, .kv_heads = 1, .seqlen_q = 70, .seqlen_k = 50, .head_dim = 32};
    p.causal = true;
    p.dtype = GetParam();
    return p;
  }();
  Inputs inputs = inputs_of(problem, 0);
  ExpectedGradients expected = expect_gradients(problem, inputs);
  Gradients gradients = exact(problem, expected);

  void multiply(Buffer& buffer, std::int64_t i, float factor) {
    set_element(buffer, problem.dtype, i, factor * element(buffer, problem.dtype, i));
  }
  bool passes() const { return check(problem, expected, gradients).passed(); }
};

TEST_P(GradientCheckTest, AcceptsTheReference) {
  EXPECT_TRUE(passes()) << describe(check(problem, expected, gradients));
}

TEST_P(GradientCheckTest, RejectsWhatIsNotFinite) {
  for (Buffer* buffer : {&gradients.dq, &gradients.dk, &gradients.dv}) {
    const float old = element(*buffer, problem.dtype, 40);
    for (const float value : {NAN, INFINITY}) {
      set_element(*buffer, problem.dtype, 40, value);
      EXPECT_FALSE(passes());
    }
    set_element(*buffer, problem.dtype, 40, old);
  }
  EXPECT_TRUE(passes());
}

// Twenty queries see no key: their gradient is 0, and nothing else is allowed.
TEST_P(GradientCheckTest, RejectsAnythingInARowThatSeesNoKey) {
  set_element(gradients.dq, problem.dtype, 0, 1e-6f);
  EXPECT_FALSE(passes());
}

// By 30 times the precision of the type, or a thousandth.
TEST_P(GradientCheckTest, RejectsGradientsThatAreALittleOff) {
  const auto factor = static_cast<float>(1 + std::max(1e-3, 15 * epsilon(problem.dtype)));
  for (Buffer* buffer : {&gradients.dq, &gradients.dk, &gradients.dv}) {
    const Buffer old = *buffer;
    const auto count = static_cast<std::int64_t>(old.size()) / size_in_bytes(problem.dtype);
    for (std::int64_t i = 0; i < count; ++i) multiply(*buffer, i, factor);
    EXPECT_FALSE(passes());
    *buffer = old;
  }
}

TEST_P(GradientCheckTest, RejectsZeros) {
  for (Buffer* buffer : {&gradients.dq, &gradients.dk, &gradients.dv}) {
    const Buffer old = *buffer;
    buffer->assign(buffer->size(), std::byte{0});
    EXPECT_FALSE(passes());
    *buffer = old;
  }
}

TEST_P(GradientCheckTest, RefusesGradientsOfAnotherSize) {
  gradients.dk.resize(gradients.dk.size() / 2);
  EXPECT_THROW(check(problem, expected, gradients), BadInput);
}

INSTANTIATE_TEST_SUITE_P(DTypes, GradientCheckTest,
                         testing::Values(DType::f32, DType::bf16, DType::f16),
                         [](const auto& of) { return std::string(tile::name(of.param)); });

}  // namespace
}  // namespace flash

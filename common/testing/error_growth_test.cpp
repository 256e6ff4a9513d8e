// What `ladder experiment error_growth` stands on. Linked with stage 02, so it is no part of the
// bench's own tests.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/experiments/reciprocal.h"
#include "check/generator.h"
#include "stages/execute.h"

namespace flash {
namespace {

constexpr std::int64_t seen = 100, head_dim = 64;

Problem problem_of(DType dtype, std::int64_t keys) {
  return {.heads = 2, .kv_heads = 1, .seqlen_q = keys, .seqlen_k = keys, .dtype = dtype};
}

// The keys from `seen` on score 200 less than they would.
Inputs inputs_with_light_keys(const Problem& p) {
  Inputs inputs = generate(p, 0);
  for (std::int64_t i = head_dim - 1; i < q_elements(p); i += head_dim)
    set_element(inputs.q, p.dtype, i, 40);
  for (std::int64_t key = 0; key < p.seqlen_k; ++key)
    set_element(inputs.k, p.dtype, (key + 1) * head_dim - 1, key < seen ? 0 : -40);
  return inputs;
}

using Forward = void (*)(tile::cpu::Device&, AttentionArgs);

Outputs run(Forward forward, const Problem& p, const Inputs& inputs) {
  tile::cpu::Device device;
  Outputs outputs = unwritten_outputs(p);
  forward(device, make_args(p, inputs, outputs));
  return outputs;
}

Outputs stage_02(const Problem& p, const Inputs& inputs) {
  tile::cpu::Device device;
  return execute(find_stage("02_online_softmax"), device, p, inputs);
}

double largest_difference(const Problem& p, const Outputs& a, const Outputs& b) {
  double largest = 0;
  for (std::int64_t i = 0; i < q_elements(p); ++i)
    largest =
        std::max<double>(largest, std::abs(element(a.o, p.dtype, i) - element(b.o, p.dtype, i)));
  return largest;
}

// Catches a comparison of stage 02 with a kernel that differs from it in more than the division.
TEST(ErrorGrowth, TheKernelWithTheReciprocalIsOtherwiseStage02) {
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const bool causal : {false, true}) {
      Problem p = problem_of(dtype, 700);
      p.causal = causal;
      const Inputs inputs = generate(p, 0);
      const Outputs exact = run(normalised_forward<Division::exact>, p, inputs);
      EXPECT_EQ(exact.o, stage_02(p, inputs).o);
      EXPECT_NE(run(normalised_forward<Division::by_reciprocal>, p, inputs).o, exact.o);
    }
}

// Row 99 of a causal sequence sees 100 keys. Catches light keys that leave a trace.
TEST(ErrorGrowth, KeysThatScoreFarLessAreAsGoodAsMasked) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Problem p = problem_of(dtype, 700);
    const Inputs inputs = inputs_with_light_keys(p);
    const Outputs light = stage_02(p, inputs);
    p.causal = true;
    const Outputs masked = stage_02(p, inputs);
    const std::int64_t row = p.heads * head_dim;
    for (std::int64_t i = (seen - 1) * row; i < seen * row; ++i)
      ASSERT_EQ(element(light.o, dtype, i), element(masked.o, dtype, i)) << i % row;
  }
}

// (l O) / l is a fixed point, (l O) (1/l) is none: 64 key tiles of weight 0 move it.
TEST(ErrorGrowth, AReciprocalDriftsAndADivisionDoesNot) {
  Problem p = problem_of(DType::f32, 4096);
  const Inputs inputs = inputs_with_light_keys(p);
  p.seqlen_q = 256;
  Problem two_tiles = p;
  two_tiles.seqlen_k = 128;
  const auto drift = [&](Forward forward) {
    return largest_difference(p, run(forward, p, inputs), run(forward, two_tiles, inputs));
  };
  EXPECT_LE(drift(normalised_forward<Division::exact>), 0x1p-22);  // an ulp of values below 4
  EXPECT_GT(drift(normalised_forward<Division::by_reciprocal>), 20 * 0x1p-22);
}

}  // namespace
}  // namespace flash

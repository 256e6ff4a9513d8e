// What stage 05 promises beyond the shared suite: its traffic, its scales, and what it can be
// switched to.
#include <gtest/gtest.h>

#include "check/checker.h"
#include "check/plain.h"
#include "check/reference.h"
#include "testing/counters_of.h"
#include "testing/peak_memory.h"

namespace flash {
namespace {

const Stage& stage() {
  return find_stage("05_fp8");
}

struct Switched {
  std::string_view name;
  Pass::Run forward;
  Fp8 fp8;  // of the plain computation, which sums in fp32
};

Switched full() {
  return {"as it is", stage().passes.front().run, *stage().fp8};
}

Switched variant(std::string_view name, Fp8 fp8) {
  return {name, find_variant(stage(), name), fp8};
}

std::vector<Switched> all_variants() {
  return {full(),
          variant("in e5m2", {.format = DType::e5m2}),
          variant("without block scales", {.per_block = false}),
          variant("without rotation", {.rotate = false}),
          variant("22-bit sums", {}),
          variant("promoted sums", {})};
}

Outputs run(const Switched& switched, const Problem& problem, const Inputs& inputs,
            std::uint64_t schedule = 0) {
  tile::cpu::Device device;
  device.set_checked(true);
  device.set_schedule(schedule);
  Outputs outputs = unwritten_outputs(problem);
  switched.forward(device, make_args(problem, inputs, outputs));
  return outputs;
}

// 256 queries in 2 tiles of 128; 256 keys in 4 tiles of 64. Catches a second read of Q, K or V, and
// tiles that move at more than a byte an element.
TEST(Fp8Traffic, ByHand) {
  const tile::Counters c =
      counters_of("05_fp8", {.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 256});
  const std::int64_t matrix = 256 * 64;
  for (const tile::TensorId tensor : {Tensor::Q, Tensor::K, Tensor::V})
    EXPECT_EQ(c.hbm_read[tensor], 4 * matrix);
  for (const tile::TensorId tensor : {Tensor::Q8, Tensor::K8, Tensor::V8}) {
    EXPECT_EQ(c.hbm_write[tensor], matrix);
    EXPECT_EQ(c.hbm_workspace[tensor], matrix);
    EXPECT_EQ(c.hbm_read[tensor], tensor == Tensor::Q8 ? matrix : 2 * matrix);
  }
  EXPECT_EQ(c.hbm_write[Tensor::scales], (2 + 4 + 4) * 4);
  // Two consumers; for each of 2 query tiles a scale of Q, and of K and V in 4 tiles each.
  EXPECT_EQ(c.hbm_read[Tensor::scales], 2 * (2 + 2 * (4 + 4)) * 4);
  EXPECT_EQ(c.hbm_write[Tensor::O], 4 * matrix);
  EXPECT_EQ(c.launches, 2);
  // Two products of 128 x 64 x 64 for each of 8 pairs of tiles; 6 additions and a factor for each
  // element of Q and K.
  EXPECT_EQ(c.flops, 8 * 2 * (2 * 128 * 64 * 64) + 2 * matrix * 7);
}

// Catches a rotation over all of the padded tile: 40 columns take 64, and V's are not rotated.
TEST(Fp8Traffic, OfAHeadDimensionThatIsNoPowerOfTwo) {
  const tile::Counters c = counters_of(
      "05_fp8", {.heads = 2, .kv_heads = 1, .seqlen_q = 100, .seqlen_k = 100, .head_dim = 40});
  EXPECT_EQ(c.hbm_write[Tensor::Q8], 2 * 100 * 64);
  EXPECT_EQ(c.hbm_write[Tensor::K8], 100 * 64);
  EXPECT_EQ(c.hbm_write[Tensor::V8], 100 * 40);
  EXPECT_EQ(c.hbm_workspace[Tensor::V8], 112 * 40);  // 100 keys in multiples of 16 bytes
}

struct Difference {
  double kernel, plain, both;  // root mean square: kernel from plain, plain from exact, their sum
};

// Of O, or of LSE, of a problem of one head.
Difference difference(const Switched& s, const Problem& p, const Inputs& in, bool of_LSE) {
  const Outputs outputs = run(s, p, in);
  const RowResults<float> plain = plain_fp8_forward(p, in, all_rows(p), s.fp8);
  const RowResults<double> exact = reference_forward(p, in, all_rows(p));
  const auto& expected = of_LSE ? exact.lse : exact.o;
  double of_kernel = 0, of_plain = 0, of_both = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const float by_plain = of_LSE ? plain.lse[i] : plain.o[i];
    const float by_kernel = of_LSE ? outputs.lse[i] : element(outputs.o, p.dtype, i);
    of_kernel += std::pow(by_kernel - by_plain, 2);
    of_plain += std::pow(by_plain - expected[i], 2);
    of_both += std::pow(by_kernel - expected[i], 2);
  }
  const auto rms = [&](double sum) {
    return std::sqrt(sum / static_cast<double>(expected.size()));
  };
  return {rms(of_kernel), rms(of_plain), rms(of_both)};
}

// What the bound allows, FP8's own error and as much again, hides an error of the kernel that is as
// large as FP8's: truncation instead of rounding, a scale of the wrong tile, a sign of the wrong
// column. Against the same rounding without tiles it shows. (A difference remains where fp32 rounds
// an element to the other side of a tie; and of a score of -300 sums of 22 bits lose more.)
TEST(Fp8, RoundsWhatThePlainComputationRounds) {
  for (const Switched& s : all_variants())
    for (const std::int64_t head_dim : {32, 80, 128, 200}) {
      // One tile of keys: P is rounded relative to the same maximum.
      Problem p{.heads = 1, .kv_heads = 1, .seqlen_q = 200, .seqlen_k = 32, .head_dim = head_dim};
      const Difference o = difference(s, p, generate(p, 4), false);
      EXPECT_LT(o.kernel, 0.1 * o.plain) << s.name << ", head_dim " << head_dim;
      p.seqlen_k = 300;
      const Difference lse = difference(s, p, generate(p, 4), true);
      const double share = s.name.ends_with("sums") ? 0.4 : 0.1;
      EXPECT_LT(lse.kernel, share * lse.plain) << s.name << ", head_dim " << head_dim;
    }
}

// Catches a switch that works for one shape.
TEST(Fp8, EveryVariantIsWithinItsBound) {
  for (const Switched& s : all_variants()) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const Problem problem = random_problem(seed, static_cast<DType>(seed % 3));
      const Inputs inputs = generate(problem, seed);
      const CheckResult result =
          check(problem, expect(problem, inputs, s.fp8), run(s, problem, inputs));
      ASSERT_TRUE(result.passed) << s.name << ", seed " << seed << ": " << describe(result);
    }
  }
}

void for_each_element(const Problem& p, Buffer& buffer, auto f) {
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(buffer.size()) / 4; ++i)
    set_element(buffer, p.dtype, i, f(i / p.head_dim, element(buffer, p.dtype, i)));
}

// Catches a rotation that does nothing: outliers of Q and K that meet in a column.
TEST(Fp8, RotationHelpsAgainstOutliers) {
  const Problem p{.heads = 1, .kv_heads = 1, .seqlen_q = 512, .seqlen_k = 512, .head_dim = 128};
  Inputs in = generate(p, 0);
  for (Buffer* buffer : {&in.q, &in.k})
    for (std::int64_t row = 0; row < 512; row += 16)
      set_element(*buffer, p.dtype, row * p.head_dim + 7, 19);
  const auto error = [&](const Switched& s) { return difference(s, p, in, true).both; };
  EXPECT_LT(error(full()), 0.7 * error(variant("without rotation", {.rotate = false})));
}

// Under a causal mask the first 64 rows see only the first 64 keys, whose values are a millionth of
// the others'. One scale for all of them leaves nothing of these.
TEST(Fp8, ABlockOfSmallValuesHasItsOwnScale) {
  const Problem p{.heads = 1, .kv_heads = 1, .seqlen_q = 256, .seqlen_k = 256, .causal = true};
  Inputs in = generate(p, 0);
  for_each_element(p, in.v, [](std::int64_t row, float x) { return row < 64 ? x * 1e-6f : x; });
  const RowResults<double> exact = reference_forward(p, in, all_rows(p));
  const auto relative_error = [&](const Switched& s) {
    const Outputs outputs = run(s, p, in);
    double error = 0, size = 0;
    for (std::int64_t i = 0; i < 64 * p.head_dim; ++i) {
      error += std::abs(element(outputs.o, p.dtype, i) - exact.o[i]);
      size += std::abs(exact.o[i]);
    }
    return error / size;
  };
  EXPECT_LT(relative_error(full()), 0.1);
  EXPECT_GT(relative_error(variant("without block scales", {.per_block = false})), 0.5);
}

// All keys have one product x. After 2^14 of them the sum is 2^14 x, and the last of its bits is
// worth 2 x: the other half of the keys counts in l alone. Catches a promotion that does nothing.
TEST(Fp8, A22BitSumStopsGrowingAt16384Keys) {
  const Problem p{.heads = 1, .kv_heads = 1, .seqlen_q = 1, .seqlen_k = 1 << 15, .head_dim = 32};
  Inputs in = generate(p, 0);
  for_each_element(p, in.q, [](std::int64_t, float) { return 0; });
  for_each_element(p, in.v, [](std::int64_t, float) { return 1; });
  for (const Switched& s : all_variants())
    EXPECT_EQ(element(run(s, p, in).o, p.dtype, 0), s.name == "22-bit sums" ? 0.5 : 1) << s.name;
}

// Catches a division by the scale of zeros, and scales whose ratio or product overflows: the weight
// of each row is on the keys before and after.
TEST(Fp8, BlocksOfAnySize) {
  const Problem p{.heads = 1, .kv_heads = 1, .seqlen_q = 130, .seqlen_k = 256};
  const float sizes[][4] = {
      {0, 1, 0, 1}, {0, 0, 0, 0}, {1e30f, 1e-30f, 1e-38f, 0}, {1e-38f, 1e30f, 1, 0}};
  for (const auto& size : sizes) {
    Inputs in = generate(p, 0);
    const float largest = *std::max_element(size, size + 4);
    for_each_element(p, in.v, [&](std::int64_t row, float x) { return x * size[row / 64]; });
    const Outputs outputs = run(full(), p, in);
    const RowResults<double> exact = reference_forward(p, in, all_rows(p));
    for (std::int64_t i = 0; i < q_elements(p); ++i)
      ASSERT_NEAR(element(outputs.o, p.dtype, i), exact.o[i], 0.3 * largest) << size[0];
  }
  Inputs in = generate(p, 0);
  for (Buffer* b : {&in.q, &in.k})
    for_each_element(p, *b, [](std::int64_t row, float x) { return row / 64 == 1 ? 0 : x; });
  EXPECT_TRUE(check(p, expect(p, in, full().fp8), run(full(), p, in)).passed);
}

// Catches an infinity or a NaN that saturation turns into a number.
TEST(Fp8, NonFiniteInputsShow) {
  const Problem p{.heads = 1, .kv_heads = 1, .seqlen_q = 150, .seqlen_k = 150, .head_dim = 48};
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (Buffer Inputs::*tensor : {&Inputs::q, &Inputs::k, &Inputs::v}) {
      Inputs in = generate(p, 0);
      constexpr std::int64_t row = 70, column = 5;
      set_element(in.*tensor, p.dtype, row * p.head_dim + column, bad);
      const Outputs outputs = run(full(), p, in);
      for (std::int64_t i = 0; i < p.seqlen_q; ++i) {
        if (tensor == &Inputs::q && i != row) continue;  // other rows may be right
        EXPECT_TRUE(std::isnan(element(outputs.o, p.dtype, i * p.head_dim + column)))
            << bad << ", row " << i;
      }
    }
  }
}

// Catches a missing barrier: the roles in any order give the same bits.
TEST(Fp8, SameBitsUnderEverySchedule) {
  Problem p{
      .heads = 2, .kv_heads = 1, .seqlen_q = 150, .seqlen_k = 330, .head_dim = 24, .causal = true};
  const Inputs in = generate(p, 4);
  const Outputs expected = run(full(), p, in);
  for (std::uint64_t schedule = 1; schedule < 200; ++schedule) {
    const Outputs outputs = run(full(), p, in, schedule);
    ASSERT_EQ(outputs.o, expected.o) << schedule;
    ASSERT_EQ(outputs.lse, expected.lse) << schedule;
  }
}

#if !defined(__SANITIZE_ADDRESS__)
// Catches memory that grows with N²: at 8192 tokens the scores would take 268 MB.
TEST(Fp8, MemoryOfALongSequence) {
  const double growth = peak_growth([] {
    counters_of("05_fp8", {.heads = 1, .kv_heads = 1, .seqlen_q = 8192, .seqlen_k = 8192});
  });
  EXPECT_GE(growth, 0);
  EXPECT_LT(growth, 60e6);
}
#endif

}  // namespace
}  // namespace flash

#include "check/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "check/rows.h"

namespace flash {
namespace {

double scaled_score(const Problem& p, const Inputs& in, std::int64_t head, std::int64_t query,
                    std::int64_t key) {
  const std::int64_t kv_head = head / (p.heads / p.kv_heads);
  const std::int64_t k_first = (key * p.kv_heads + kv_head) * p.head_dim;
  double score = 0;
  for (std::int64_t c = 0; c < p.head_dim; ++c)
    score += static_cast<double>(element(in.q, p.dtype, q_offset(p, 0, query, head) + c)) *
             element(in.k, p.dtype, k_first + c);
  return score * p.softmax_scale();
}

// FNV-1a
std::uint64_t hash(const Buffer& buffer) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const std::byte b : buffer) h = (h ^ static_cast<std::uint64_t>(b)) * 0x100000001b3u;
  return h;
}

Problem square(std::int64_t length, std::int64_t head_dim, DType dtype = DType::f32) {
  return {.heads = 2,
          .kv_heads = 1,
          .seqlen_q = length,
          .seqlen_k = length,
          .head_dim = head_dim,
          .dtype = dtype};
}

// Scores that are all small make the mean of V look right, large ones test one key a row.
TEST(Generator, ScoresHaveAStandardDeviationOfTwoAndAHalf) {
  for (const std::int64_t d : {1, 2, 7, 32, 64, 128, 256}) {
    const Problem p = square(200, d);
    const Inputs in = generate(p, 0);
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < p.seqlen_q; ++i)
      for (std::int64_t j = 0; j < p.seqlen_k; ++j) {
        const double s = scaled_score(p, in, 1, i, j);
        sum += s;
        squares += s * s;
      }
    const double n = static_cast<double>(p.seqlen_q * p.seqlen_k);
    const double deviation = std::sqrt(squares / n - sum / n * sum / n);
    EXPECT_GT(deviation, 2) << "head_dim " << d;
    EXPECT_LT(deviation, 3) << "head_dim " << d;
  }
}

// Without one the running maximum settles early, and a missing rescale hides.
TEST(Generator, MostRowsHaveTheirMaximumLate) {
  for (const bool causal : {false, true}) {
    Problem p = square(150, 64);
    p.causal = causal;
    const Inputs in = generate(p, 0);
    int late = 0;
    for (std::int64_t i = 0; i < p.seqlen_q; ++i) {
      const std::int64_t end = visible_keys(p, p.sequence(0), i).end;
      std::int64_t largest = 0;
      for (std::int64_t j = 1; j < end; ++j)
        if (scaled_score(p, in, 0, i, j) > scaled_score(p, in, 0, i, largest)) largest = j;
      late += largest >= end - 8;
    }
    EXPECT_GT(late, 110) << "causal " << causal;
  }
}

TEST(Generator, ScoresPassTheRangeOfExp) {
  const Problem f32 = square(64, 16);
  const Problem f16 = square(64, 64, DType::f16);
  const Inputs one_hot = generate(f16, 1), up = generate(f32, 2), down = generate(f32, 3);
  for (std::int64_t j = 0; j < 64; ++j) {
    EXPECT_GT(scaled_score(f32, up, 0, 9, j), 88);
    EXPECT_LT(scaled_score(f32, down, 0, 9, j), -88);
  }
  double largest = 0;
  for (std::int64_t j = 56; j < 64; ++j)
    largest = std::max(largest, scaled_score(f16, one_hot, 0, 13, j));
  EXPECT_GT(largest, 88);
}

TEST(Generator, ColumnsAndHeadsOfVHaveDifferentMeans) {
  Problem p = square(2000, 4);
  p.kv_heads = 2;
  const Inputs in = generate(p, 0);
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t c = 0; c < 4; ++c) {
      double sum = 0;
      for (std::int64_t j = 0; j < 2000; ++j) sum += element(in.v, p.dtype, (j * 2 + h) * 4 + c);
      EXPECT_NEAR(sum / 2000, 0.5 + 0.25 * static_cast<double>((c + h) % 4), 0.1);
    }
}

// Catches a shift that a running maximum which starts at -100 or -10^4 would not notice.
TEST(Generator, ScoresLieBelowWhereAMaximumMayWronglyStart) {
  for (const std::int64_t d : {2, 64, 256}) {
    const Problem p = square(80, d);
    const Inputs low = generate(p, 4), lowest = generate(p, 5);
    for (std::int64_t j = 0; j < p.seqlen_k; ++j) {
      EXPECT_LT(scaled_score(p, low, 0, 9, j), -100 - 104);
      EXPECT_LT(scaled_score(p, lowest, 0, 9, j), -1e4 - 104);
    }
  }
}

// Catches hidden keys that leave the visible weights something if the maximum includes them.
TEST(Generator, HiddenKeysOutweighAllVisibleOnes) {
  for (const bool causal : {false, true}) {
    Problem p = square(90, 64);
    p.batch = 2;
    p.causal = causal;
    const Inputs in = generate(p, 7);
    const std::int64_t seen = causal ? 45 : 90;  // by row 44; the rest is hidden, or sequence 1's
    double largest = -1e9, hidden = -1e9;
    for (std::int64_t j = 0; j < 2 * p.seqlen_k; ++j) {
      double& bound = j < seen ? largest : hidden;
      bound = std::max(bound, scaled_score(p, in, 0, 44, j));
    }
    EXPECT_GT(hidden, largest + 104) << "causal " << causal;
  }
}

// The values are part of what a seed in a report means: on every machine, with or without FMA.
TEST(Generator, GivesTheSameBitsEverywhere) {
  const Inputs f32 = generate(square(50, 33), 1), bf16 = generate(square(50, 33, DType::bf16), 1);
  EXPECT_EQ(hash(f32.q), 16576964838718486138u);
  EXPECT_EQ(hash(f32.k), 8599257285941722470u);
  EXPECT_EQ(hash(f32.v), 12756398998932509407u);
  EXPECT_EQ(hash(bf16.q), 4780268454204130917u);
  EXPECT_NE(hash(generate(square(50, 33), 5).q), hash(f32.q));
}

TEST(Generator, RandomProblemsCoverTheCorners) {
  int packed = 0, causal = 0, gqa = 0, empty = 0, ragged = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Problem p = random_problem(seed, DType::f32);
    packed += p.packed();
    causal += p.causal;
    gqa += p.heads != p.kv_heads;
    empty += p.total_q() == 0 || p.total_k() == 0;
    ragged += p.seqlen_k % 64 != 0;
    ASSERT_TRUE(p.head_dim >= 1 && p.head_dim <= max_head_dim && p.heads % p.kv_heads == 0);
    if (p.packed()) {
      EXPECT_EQ(static_cast<std::int64_t>(p.cu_seqlens_q.size()), p.batch + 1);
    }
  }
  for (const int count : {packed, causal, gqa, ragged}) {
    EXPECT_GT(count, 100);
    EXPECT_LT(count, 450);
  }
  EXPECT_GT(empty, 5);
}

}  // namespace
}  // namespace flash

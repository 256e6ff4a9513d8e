#include "check/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "check/generator.h"
#include "check/plain.h"

namespace flash {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Buffer buffer(DType dtype, std::initializer_list<float> values) {
  Buffer result(values.size() * size_in_bytes(dtype));
  std::int64_t i = 0;
  for (const float value : values) set_element(result, dtype, i++, value);
  return result;
}

// One head of head_dim 1, scale 1.
Problem column(std::int64_t queries, std::int64_t keys, bool causal = false) {
  return {.heads = 1,
          .kv_heads = 1,
          .seqlen_q = queries,
          .seqlen_k = keys,
          .head_dim = 1,
          .causal = causal,
          .scale = 1};
}

RowResults<double> reference(const Problem& p, const Inputs& in) {
  return reference_forward(p, in, all_rows(p));
}

// The definition, one row at a time.
struct Naive {
  std::vector<double> o;
  double lse;
};

Naive naive_row(const Problem& p, const Inputs& in, std::int64_t b, std::int64_t h,
                std::int64_t query) {
  const Sequence s = p.sequence(b);
  const std::int64_t kv_head = h / (p.heads / p.kv_heads);
  const auto k_first = [&](std::int64_t j) {
    return ((s.k_begin + j) * p.kv_heads + kv_head) * p.head_dim;
  };
  std::vector<double> scores;
  double row_max = -infinity, row_sum = 0;
  for (std::int64_t j = 0; j < s.k_length; ++j) {
    if (p.causal && j > query + s.k_length - s.q_length) break;
    double score = 0;
    for (std::int64_t c = 0; c < p.head_dim; ++c)
      score += static_cast<double>(element(in.q, p.dtype, q_offset(p, b, query, h) + c)) *
               element(in.k, p.dtype, k_first(j) + c);
    scores.push_back(score * p.softmax_scale());
    row_max = std::max(row_max, scores.back());
  }
  Naive row{std::vector<double>(p.head_dim, 0.0), -infinity};
  if (scores.empty()) return row;
  for (const double score : scores) row_sum += std::exp(score - row_max);
  for (std::size_t j = 0; j < scores.size(); ++j)
    for (std::int64_t c = 0; c < p.head_dim; ++c)
      row.o[c] += std::exp(scores[j] - row_max) / row_sum *
                  element(in.v, p.dtype, k_first(static_cast<std::int64_t>(j)) + c);
  row.lse = row_max + std::log(row_sum);
  return row;
}

TEST(Reference, TwoKeysByHand) {
  const Inputs in{buffer(DType::f32, {1}), buffer(DType::f32, {0, std::log(3.0f)}),
                  buffer(DType::f32, {1, 5})};
  const auto result = reference(column(1, 2), in);
  EXPECT_NEAR(result.o[0], 0.25 * 1 + 0.75 * 5, 1e-7);
  EXPECT_NEAR(result.lse[0], std::log(4), 1e-7);
}

TEST(Reference, CausalMaskIsAlignedBottomRight) {
  // Equal scores: a row's output is the mean of the values that it sees.
  const Inputs in{buffer(DType::f32, {0, 0}), buffer(DType::f32, {1, 2, 3}),
                  buffer(DType::f32, {3, 5, 10})};
  const auto result = reference(column(2, 3, true), in);
  EXPECT_NEAR(result.o[0], 4, 1e-12);
  EXPECT_NEAR(result.o[1], 6, 1e-12);
  EXPECT_NEAR(result.lse[0], std::log(2), 1e-12);
}

TEST(Reference, RowsThatSeeNoKeyAreZero) {
  const Inputs in{buffer(DType::f32, {1, 1, 1}), buffer(DType::f32, {1}), buffer(DType::f32, {7})};
  const auto causal = reference(column(3, 1, true), in);
  EXPECT_EQ(causal.o, (std::vector<double>{0, 0, 7}));
  EXPECT_EQ(causal.lse, (std::vector<double>{-infinity, -infinity, 1}));
  const auto no_keys = reference(column(3, 0), {in.q, {}, {}});
  EXPECT_EQ(no_keys.o, (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(no_keys.lse, std::vector<double>(3, -infinity));
}

TEST(Reference, NoQueriesGiveNoRows) {
  const auto result =
      reference(column(0, 1), {{}, buffer(DType::f32, {1}), buffer(DType::f32, {1})});
  EXPECT_TRUE(result.o.empty() && result.lse.empty());
}

TEST(Reference, LargeScoresDoNotOverflow) {
  const Inputs in{buffer(DType::f32, {1}), buffer(DType::f32, {2000, 2000, -2000}),
                  buffer(DType::f32, {1, 2, 9})};
  const auto result = reference(column(1, 3), in);
  EXPECT_NEAR(result.o[0], 1.5, 1e-12);
  EXPECT_NEAR(result.lse[0], 2000 + std::log(2), 1e-9);
}

// Catches a wrong head, mask, offset or block edge: chunks are 256 keys, blocks 64 rows.
TEST(Reference, AgreesWithTheDefinition) {
  for (std::uint64_t seed = 0; seed < 45; ++seed) {
    Problem p = random_problem(seed, static_cast<DType>(seed % 3));
    if (seed % 5 == 0 && !p.packed()) p.seqlen_k = 255 + static_cast<std::int64_t>(seed % 3);
    const Inputs in = generate(p, seed);
    const Rows rows = sample_rows(p, 0);
    const auto result = reference_forward(p, in, rows);
    for_each_row(rows, [&](std::int64_t index, std::int64_t b, std::int64_t query) {
      for (std::int64_t h = 0; h < p.heads; ++h) {
        const Naive row = naive_row(p, in, b, h, query);
        const std::int64_t first = (index * p.heads + h) * p.head_dim;
        if (row.lse == -infinity)
          EXPECT_EQ(result.lse[index * p.heads + h], -infinity);
        else
          EXPECT_NEAR(result.lse[index * p.heads + h], row.lse, 1e-12 * (1 + std::abs(row.lse)));
        for (std::int64_t c = 0; c < p.head_dim; ++c)
          ASSERT_NEAR(result.o[first + c], row.o[c], 1e-12)
              << "seed " << seed << ", batch " << b << ", row " << query << ", head " << h;
      }
    });
  }
}

Buffer slice(const Buffer& from, std::int64_t begin, std::int64_t end) {
  return {from.begin() + begin, from.begin() + end};
}

TEST(Reference, PackedSequencesDoNotSeeEachOther) {
  Problem p{.batch = 4, .heads = 2, .kv_heads = 1, .head_dim = 8, .causal = true};
  p.cu_seqlens_q = {0, 5, 5, 70, 71};
  p.cu_seqlens_k = {0, 9, 19, 19, 149};
  p.seqlen_q = 65, p.seqlen_k = 130;
  const Inputs in = generate(p, 0);
  const auto packed = reference(p, in);
  std::vector<double> o, lse;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    const Sequence s = p.sequence(b);
    Problem one = p;
    one.batch = 1, one.seqlen_q = s.q_length, one.seqlen_k = s.k_length;
    one.cu_seqlens_q.clear(), one.cu_seqlens_k.clear();
    const std::int64_t q_row = p.heads * p.head_dim * 4, k_row = p.kv_heads * p.head_dim * 4;
    const std::int64_t k_end = s.k_begin + s.k_length;
    const auto result =
        reference(one, {slice(in.q, s.q_begin * q_row, (s.q_begin + s.q_length) * q_row),
                        slice(in.k, s.k_begin * k_row, k_end * k_row),
                        slice(in.v, s.k_begin * k_row, k_end * k_row)});
    o.insert(o.end(), result.o.begin(), result.o.end());
    lse.insert(lse.end(), result.lse.begin(), result.lse.end());
  }
  EXPECT_EQ(packed.o, o);
  EXPECT_EQ(packed.lse, lse);
}

TEST(Rows, ASampleIsSmallAndHasTheEdges) {
  const Problem p{.heads = 1, .kv_heads = 1, .seqlen_q = 131072, .seqlen_k = 131072};
  const auto rows = sample_rows(p, 2e9).of_sequence.at(0);
  EXPECT_GE(rows.size(), 16u);
  EXPECT_LE(rows.size(), 60u);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  for (const std::int64_t edge : {0, 63, 64, 65, 127, 128, 131071})
    EXPECT_TRUE(std::binary_search(rows.begin(), rows.end(), edge)) << edge;
  EXPECT_EQ(sample_rows(p, 2e9).of_sequence.at(0), rows);
}

TEST(Rows, SmallProblemsAreCheckedWhole) {
  const Problem p{.batch = 2, .seqlen_q = 100, .seqlen_k = 100};
  EXPECT_EQ(sample_rows(p, 1e9).count(), 200);
}

TEST(Plain, RoundsScoresWeightsAndOutput) {
  // 1 + 2^-8 is halfway between two bf16 and rounds to 1: both scores are then equal.
  Problem p = column(1, 2);
  p.head_dim = 2;
  p.dtype = DType::bf16;
  const Inputs in{buffer(p.dtype, {1, 0x1p-8f}), buffer(p.dtype, {1, 0, 1, 1}),
                  buffer(p.dtype, {0, 1, 1, 1 + 0x1p-6f})};
  const auto plain = plain_forward(p, in, all_rows(p));
  EXPECT_NEAR(plain.lse[0], 1 + std::log(2), 1e-6);
  EXPECT_EQ(plain.o[0], 0.5f);
  EXPECT_EQ(plain.o[1], 1 + 0x1p-7f);
  EXPECT_NEAR(reference(p, in).lse[0], 1 + 0x1p-9 + std::log(2), 1e-5);
}

TEST(Plain, IsCloseToTheReferenceInEveryPrecision) {
  const double tolerance[] = {1e-5, 0.1, 0.02};
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    const Problem p{.seqlen_q = 70, .seqlen_k = 300, .dtype = dtype};
    const Inputs in = generate(p, 0);
    const auto plain = plain_forward(p, in, all_rows(p));
    const auto exact = reference(p, in);
    for (std::size_t i = 0; i < exact.o.size(); ++i)
      ASSERT_NEAR(plain.o[i], exact.o[i], tolerance[static_cast<int>(dtype)]);
  }
}

}  // namespace
}  // namespace flash

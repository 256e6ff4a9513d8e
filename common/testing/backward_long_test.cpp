// The backward pass of a sequence of 65536: the memory that it takes, and gradients of some rows.
// Only stages that keep nothing of N x N in memory can do it.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/backward.h"
#include "check/reference.h"
#include "testing/peak_memory.h"

namespace flash {
namespace {

Problem problem_of(std::int64_t n, bool causal) {
  return {
      .heads = 1, .kv_heads = 1, .seqlen_q = n, .seqlen_k = n, .head_dim = 16, .causal = causal};
}

double workspace(const Stage& stage, std::int64_t n) {
  const Problem p = problem_of(n, false);
  return static_cast<double>(stage.cost(p).hbm_workspace.total() +
                             stage.backward_cost(p).hbm_workspace.total());
}

bool is_linear(const Stage& stage) {
  return workspace(stage, 2048) <= 2 * workspace(stage, 1024);
}

// Values of one row, and the sum of the magnitudes that each was added up of.
struct Row {
  std::vector<double> values, magnitudes;

  explicit Row(std::int64_t d) : values(d, 0), magnitudes(d, 0) {}
  void add(double weight, double size, const double* row) {
    for (std::size_t c = 0; c < values.size(); ++c) {
      values[c] += weight * row[c];
      magnitudes[c] += size * std::abs(row[c]);
    }
  }
};

std::vector<double> widened(const Buffer& buffer) {
  const auto* begin = reinterpret_cast<const float*>(buffer.data());
  return {begin, begin + buffer.size() / sizeof(float)};
}

// In double: O and LSE of all queries, then gradients one row at a time.
class Reference {
 public:
  Reference(const Problem& problem, const Inputs& inputs)
      : p_(problem),
        q_(widened(inputs.q)),
        k_(widened(inputs.k)),
        v_(widened(inputs.v)),
        d_o_(widened(inputs.d_o)),
        forward_(reference_forward(problem, inputs, all_rows(problem))) {}

  Row dq(std::int64_t query) const {
    Row row(p_.head_dim);
    const KeyRange seen = visible_keys(p_, p_.sequence(0), query);
    for (std::int64_t key = seen.begin; key < seen.end; ++key) {
      const Pair pair = pair_of(query, key);
      row.add(p_.softmax_scale() * pair.dS, p_.softmax_scale() * pair.dS_size, at(k_, key));
    }
    return row;
  }

  // dK, then dV.
  std::pair<Row, Row> dk_and_dv(std::int64_t key) const {
    Row dk(p_.head_dim), dv(p_.head_dim);
    for (std::int64_t query = p_.causal ? key : 0; query < p_.seqlen_q; ++query) {
      const Pair pair = pair_of(query, key);
      dk.add(p_.softmax_scale() * pair.dS, p_.softmax_scale() * pair.dS_size, at(q_, query));
      dv.add(pair.P, pair.P, at(d_o_, query));
    }
    return {dk, dv};
  }

 private:
  struct Pair {
    double P, dS, dS_size;
  };

  const double* at(const std::vector<double>& tensor, std::int64_t row) const {
    return &tensor[row * p_.head_dim];
  }

  double dot(const double* a, const double* b) const {
    double sum = 0;
    for (std::int64_t c = 0; c < p_.head_dim; ++c) sum += a[c] * b[c];
    return sum;
  }

  Pair pair_of(std::int64_t query, std::int64_t key) const {
    const double S = p_.softmax_scale() * dot(at(q_, query), at(k_, key));
    const double P = std::exp(S - forward_.lse[query]);
    const double dP = dot(at(d_o_, query), at(v_, key));
    const double D = dot(at(d_o_, query), at(forward_.o, query));
    return {P, P * (dP - D), P * (std::abs(dP) + std::abs(D))};
  }

  const Problem& p_;
  std::vector<double> q_, k_, v_, d_o_;
  RowResults<double> forward_;
};

// A sum of so many terms in fp32, in tiles, is off by some hundredths of this; a tile that is left
// out of a thousand, by ten times as much.
constexpr double tolerance = 1e-5;

void expect_row(const char* tensor, std::int64_t row, const Buffer& actual, const Row& expected) {
  const auto d = static_cast<std::int64_t>(expected.values.size());
  for (std::int64_t c = 0; c < d; ++c) {
    const double off = std::abs(element(actual, DType::f32, row * d + c) - expected.values[c]);
    EXPECT_TRUE(off <= tolerance * expected.magnitudes[c])
        << tensor << ", row " << row << ", column " << c << ": off by " << off << " of "
        << expected.magnitudes[c];
  }
}

// The first, the last, and some between them on no multiple of a tile.
constexpr std::int64_t n = 1 << 16;
constexpr std::int64_t rows[] = {0, 1, 63, 127, 128, 4999, 21845, 32768, 50003, n - 128, n - 1};

// Catches a position or an offset that does not fit, and tiles left out or taken twice.
TEST(Backward, LongSequencesHaveTheGradientsOfTheReference) {
  const Problem problem = problem_of(n, true);
  const Inputs inputs = generate_with_gradient(problem, 1);
  std::optional<Reference> reference;
  for (const Stage& stage : stages()) {
    if (!is_linear(stage)) continue;
    if (!reference) reference.emplace(problem, inputs);
    tile::cpu::Device device;
    const Outputs outputs = execute_backward(stage, device, problem, inputs);
    for (const std::int64_t row : rows) {
      expect_row("dQ", row, outputs.gradients->dq, reference->dq(row));
      const auto [dk, dv] = reference->dk_and_dv(row);
      expect_row("dK", row, outputs.gradients->dk, dk);
      expect_row("dV", row, outputs.gradients->dv, dv);
    }
  }
}

#if !defined(__SANITIZE_ADDRESS__)
// Resident memory while a problem is made and run: the tensors, the workspace that the formula
// states, and what does not depend on N. A matrix of N x N bits would be 537 MB.
TEST(Backward, MemoryOfALongSequenceGrowsWithItsLength) {
  constexpr double constant = 24e6;
  for (const Stage& stage : stages()) {
    if (!is_linear(stage)) continue;
    for (const std::int64_t length : {n / 16, n / 4, n}) {
      const double growth = peak_growth([&] {
        const Problem problem = problem_of(length, true);
        tile::cpu::Device device;
        execute_backward(stage, device, problem, generate_with_gradient(problem, 1));
      });
      const double tensors = 8.0 * 16 * 4 * static_cast<double>(length);  // Q to dV
      EXPECT_GE(growth, tensors);
      EXPECT_LE(growth, tensors + workspace(stage, length) + constant) << "N = " << length;
      RecordProperty("bytes_" + std::to_string(length), std::to_string(growth));
    }
  }
}
#endif

}  // namespace
}  // namespace flash

// The backward pass of a sequence of 65536: the memory that it takes, and gradients of some rows.
// Only stages that keep nothing of N x N in memory can do it.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "bench/backward.h"
#include "check/reference.h"
#include "testing/peak_memory.h"

namespace flash {
namespace {

constexpr std::int64_t n = 1 << 16, d = 16;

Problem problem_of(std::int64_t length) {
  return {.heads = 1,
          .kv_heads = 1,
          .seqlen_q = length,
          .seqlen_k = length,
          .head_dim = d,
          .causal = true};
}

double workspace(const Stage& stage, std::int64_t length) {
  const Problem p = problem_of(length);
  return static_cast<double>(stage.cost(p).hbm_workspace.total() +
                             stage.backward_cost(p).hbm_workspace.total());
}

bool is_linear(const Stage& stage) {
  return workspace(stage, 2048) <= 2 * workspace(stage, 1024);
}

// Values of one row, and the sum of the magnitudes that each was added up of.
struct Row {
  std::vector<double> values, magnitudes;

  Row() : values(d, 0), magnitudes(d, 0) {}
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

// One query of each tile of 64 has a gradient of O: the reference needs no others, and still sees
// every tile.
constexpr std::int64_t tile_rows = 64;

std::int64_t chosen_query(std::int64_t tile) {
  return tile * tile_rows + tile * 37 % tile_rows;
}

Inputs make_inputs(const Problem& problem) {
  Inputs inputs = generate_with_gradient(problem, 1);
  for (std::int64_t query = 0; query < problem.seqlen_q; ++query)
    for (std::int64_t c = 0; query != chosen_query(query / tile_rows) && c < d; ++c)
      set_element(inputs.d_o, problem.dtype, query * d + c, 0);
  return inputs;
}

Rows chosen_queries(const Problem& problem) {
  Rows rows{{{}}};
  for (std::int64_t tile = 0; tile < problem.seqlen_q / tile_rows; ++tile)
    rows.of_sequence[0].push_back(chosen_query(tile));
  return rows;
}

// In double: O and LSE of the chosen queries, then gradients one row at a time.
class Reference {
 public:
  Reference(const Problem& problem, const Inputs& inputs)
      : p_(problem),
        q_(widened(inputs.q)),
        k_(widened(inputs.k)),
        v_(widened(inputs.v)),
        d_o_(widened(inputs.d_o)),
        forward_(reference_forward(problem, inputs, chosen_queries(problem))) {}

  Row dq(std::int64_t tile) const {
    Row row;
    const KeyRange seen = visible_keys(p_, p_.sequence(0), chosen_query(tile));
    for (std::int64_t key = seen.begin; key < seen.end; ++key) {
      const Pair pair = pair_of(tile, key);
      row.add(p_.softmax_scale() * pair.dS, p_.softmax_scale() * pair.dS_size, at(k_, key));
    }
    return row;
  }

  // dK, then dV.
  std::pair<Row, Row> dk_and_dv(std::int64_t key) const {
    Row dk, dv;
    for (std::int64_t tile = key / tile_rows; tile < p_.seqlen_q / tile_rows; ++tile) {
      const std::int64_t query = chosen_query(tile);
      if (query < key) continue;
      const Pair pair = pair_of(tile, key);
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

  Pair pair_of(std::int64_t tile, std::int64_t key) const {
    const std::int64_t query = chosen_query(tile);
    const double S = p_.softmax_scale() * dot(at(q_, query), at(k_, key));
    const double P = std::exp(S - forward_.lse[tile]);
    const double dP = dot(at(d_o_, query), at(v_, key));
    const double D = dot(at(d_o_, query), at(forward_.o, tile));
    return {P, P * (dP - D), P * (std::abs(dP) + std::abs(D))};
  }

  const Problem& p_;
  std::vector<double> q_, k_, v_, d_o_;
  RowResults<double> forward_;
};

// What fp32 may be off, to the sum of magnitudes.
constexpr double tolerance = 1e-5;

// The first, the last, and some between them on no multiple of a tile.
constexpr std::array<std::int64_t, 11> rows = {0,     1,     63,    127,     128,  4999,
                                               21845, 32768, 50003, n - 128, n - 1};

// Those rows of dK and dV, and of dQ the chosen queries of their tiles.
using Sample = std::array<std::array<std::array<float, d>, rows.size()>, 3>;

void expect_near(const char* tensor, std::int64_t row, const std::array<float, d>& actual,
                 const Row& expected) {
  for (std::int64_t c = 0; c < d; ++c) {
    const double off = std::abs(actual[c] - expected.values[c]);
    EXPECT_TRUE(off <= tolerance * expected.magnitudes[c])
        << tensor << ", row " << row << ", column " << c << ": off by " << off << " of "
        << expected.magnitudes[c];
  }
}

void expect_near(const Sample& sample, const Reference& reference) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [dk, dv] = reference.dk_and_dv(rows[i]);
    const std::int64_t tile = rows[i] / tile_rows;
    expect_near("dQ", chosen_query(tile), sample[0][i], reference.dq(tile));
    expect_near("dK", rows[i], sample[1][i], dk);
    expect_near("dV", rows[i], sample[2][i], dv);
  }
}

// Runs the stage in a process of its own, which hands over a sample of the gradients.
double growth_of(const Stage& stage, const Problem& problem, Sample& sample) {
  void* shared =
      mmap(nullptr, sizeof(Sample), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return -1;
  const double growth = peak_growth([&] {
    tile::cpu::Device device;
    const Outputs outputs = execute_backward(stage, device, problem, make_inputs(problem));
    const Gradients& g = *outputs.gradients;
    auto& to = *static_cast<Sample*>(shared);
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::int64_t c = 0; rows[i] < problem.seqlen_q && c < d; ++c) {
        const std::int64_t query = chosen_query(rows[i] / tile_rows);
        to[0][i][c] = element(g.dq, problem.dtype, query * d + c);
        to[1][i][c] = element(g.dk, problem.dtype, rows[i] * d + c);
        to[2][i][c] = element(g.dv, problem.dtype, rows[i] * d + c);
      }
  });
  std::memcpy(&sample, shared, sizeof sample);
  munmap(shared, sizeof(Sample));
  return growth;
}

// Resident memory while a problem is made and run: the tensors, the workspace that the formula
// states, and what does not depend on N. A matrix of N x N bits would be 537 MB. Of the gradients,
// it catches a position that does not fit, and tiles left out or taken twice.
TEST(Backward, MemoryOfALongSequenceIsLinearAndItsGradientsAreRight) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "freed memory stays resident";
#endif
  constexpr double constant = 16e6;
  for (const Stage& stage : stages()) {
    if (!is_linear(stage)) continue;
    Sample sample{};
    for (const std::int64_t length : {n / 4, n}) {
      const double growth = growth_of(stage, problem_of(length), sample);
      const double tensors = 8.0 * sizeof(float) * d * static_cast<double>(length);  // Q to dV
      EXPECT_GE(growth, 0.9 * tensors);
      EXPECT_LE(growth, tensors + workspace(stage, length) + constant) << "N = " << length;
      std::printf("N = %lld: %.1f MB\n", static_cast<long long>(length), growth / 1e6);
    }
    const Problem problem = problem_of(n);
    expect_near(sample, Reference(problem, make_inputs(problem)));
  }
}

}  // namespace
}  // namespace flash

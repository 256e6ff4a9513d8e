#include "check/conformance.h"

#include <algorithm>
#include <limits>

#include "check/edge_cases.h"
#include "check/generator.h"

namespace flash {
namespace {

constexpr DType dtypes[] = {DType::f32, DType::bf16, DType::f16};

struct Lengths {
  std::int64_t q, k;
};

// FlashAttention's pairs, and where tiles of 32, 64 and 128 rows end.
constexpr Lengths lengths[] = {
    {1, 1},     {1, 147},   {3, 1024},  {17, 17},   {31, 33},    {63, 64},     {64, 128},
    {65, 63},   {113, 203}, {128, 217}, {113, 211}, {108, 256},  {127, 129},   {129, 127},
    {256, 512}, {512, 256}, {239, 1},   {799, 3},   {640, 128},  {1024, 1024}, {1023, 1024},
    {64, 800},  {0, 64},    {64, 0},    {0, 0},     {1024, 1023}};

// N_k - N_q that put the diagonal at each end of a key tile and of a query tile: with -2 (mod the
// tile) a tile that only the first row does not see all of is the next one, with 1 the last row is
// the only one to see a tile.
constexpr std::int64_t diagonals[] = {0, 1, 62, 63, 64, 65, 126, 127, 128, 129, -1, -2, -63, -64};

constexpr std::int64_t head_dims[] = {64, 1, 32, 40, 59, 80, 96, 111, 128, 160, 192, 224, 256};

struct Heads {
  std::int64_t query, key;
};

constexpr Heads head_counts[] = {{6, 6}, {6, 2}, {6, 1}};

std::string name_of(const Problem& p) {
  return "q" + std::to_string(p.seqlen_q) + "_k" + std::to_string(p.seqlen_k) + "_d" +
         std::to_string(p.head_dim) + "_h" + std::to_string(p.heads) + "x" +
         std::to_string(p.kv_heads) + "_" + std::string(name(p.dtype)) +
         (p.causal ? "_causal" : "") + (p.packed() ? "_packed" : "") +
         (p.dropout > 0 ? "_dropout" : "");
}

void add(std::vector<ConformanceCase>& cases, const Problem& problem, std::uint64_t seed) {
  cases.push_back({std::to_string(cases.size()) + "_" + name_of(problem), problem, seed});
}

std::vector<std::int32_t> offsets(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int32_t> result = {0};
  for (const std::int64_t size : sizes)
    result.push_back(result.back() + static_cast<std::int32_t>(size));
  return result;
}

Problem packed(const std::vector<std::int64_t>& q, const std::vector<std::int64_t>& k) {
  Problem p;
  p.batch = static_cast<std::int64_t>(q.size());
  p.seqlen_q = *std::max_element(q.begin(), q.end());
  p.seqlen_k = *std::max_element(k.begin(), k.end());
  p.cu_seqlens_q = offsets(q);
  p.cu_seqlens_k = offsets(k);
  return p;
}

// In multiply-adds of a product. An empty problem comes last: it tells least.
std::int64_t work(const ConformanceCase& test) {
  const Problem& p = test.problem;
  const std::int64_t count = p.batch * p.heads * p.seqlen_q * p.seqlen_k * p.head_dim;
  return count > 0 ? count : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

std::vector<ConformanceCase> quick_cases() {
  // The diagonal of a causal mask, k - q, is the last key that the first query sees. At 126 that
  // query lacks the last key of a tile, whatever its size; at 1 the last query of a tile of 128
  // sees the first key of another.
  constexpr Lengths quick_lengths[] = {{1, 1},   {1, 147},   {17, 17},   {63, 64},   {64, 64},
                                       {65, 63}, {64, 190},  {128, 129}, {113, 203}, {129, 127},
                                       {130, 5}, {256, 256}, {300, 260}, {0, 64},    {64, 0}};
  const Problem batches[] = {packed({1, 17, 128, 129, 64, 5}, {1, 17, 128, 129, 64, 5}),
                             packed({0, 63, 64, 65, 101}, {70, 0, 31, 257, 101}),
                             packed({129, 0, 1}, {1, 0, 127})};
  constexpr std::int64_t quick_head_dims[] = {64, 128, 32, 40, 256, 1, 96};
  std::vector<ConformanceCase> cases;
  const auto add_full_and_causal = [&](Problem p) {
    for (const bool causal : {false, true}) {
      const std::size_t turn = cases.size();
      p.causal = causal;
      p.dtype = dtypes[turn % std::size(dtypes)];
      p.head_dim = quick_head_dims[turn % std::size(quick_head_dims)];
      const Heads heads = head_counts[(turn + turn / 3) % std::size(head_counts)];
      p.heads = heads.query;
      p.kv_heads = heads.key;
      add(cases, p, cases.size());
    }
  };
  for (const auto [q, k] : quick_lengths) {
    Problem p;
    p.batch = 2;
    p.seqlen_q = q;
    p.seqlen_k = k;
    add_full_and_causal(p);
  }
  for (int repetition = 0; repetition < 2; ++repetition)
    for (const Problem& batch : batches) add_full_and_causal(batch);
  for (const auto& [problem, seed] : edge_cases(64)) add(cases, problem, seed);
  std::ranges::stable_sort(cases, {}, work);
  return cases;
}

std::vector<ConformanceCase> dropout_cases() {
  constexpr double probabilities[] = {0.1, 0.5, 0.25};
  std::vector<ConformanceCase> cases;
  for (const auto& [name, problem, seed] : quick_cases()) {
    if (problem.seqlen_k < 60 || seed % 4 != 1) continue;
    Problem p = problem;
    p.dropout = probabilities[cases.size() % std::size(probabilities)];
    p.dropout_seed = 0x123456789a * seed;
    add(cases, p, seed);
  }
  return cases;
}

std::vector<ConformanceCase> grid_cases() {
  std::vector<ConformanceCase> cases;
  std::size_t turn = 0;  // of head dimensions and head counts: coprime, so they meet in all ways
  const auto add_variants = [&](Problem p) {
    for (const bool causal : {false, true}) {
      for (const DType dtype : dtypes) {
        p.causal = causal;
        p.dtype = dtype;
        p.head_dim = head_dims[turn % std::size(head_dims)];
        p.heads = head_counts[turn % std::size(head_counts)].query;
        p.kv_heads = head_counts[turn % std::size(head_counts)].key;
        ++turn;
        add(cases, p, cases.size());
      }
    }
  };
  for (const auto [q, k] : lengths) {
    Problem p;
    p.batch = q * k < 100'000 ? 2 : 1;
    p.seqlen_q = q;
    p.seqlen_k = k;
    add_variants(p);
  }
  add_variants(packed({1, 17, 128, 129, 300, 64, 5, 233}, {1, 17, 128, 129, 300, 64, 5, 233}));
  add_variants(packed({0, 63, 64, 65, 101}, {70, 0, 31, 257, 101}));
  add_variants(packed({129, 0, 1}, {1, 0, 127}));
  for (const std::int64_t diagonal : diagonals) {
    for (const std::int64_t head_dim : {head_dims[0], head_dims[turn % std::size(head_dims)]}) {
      Problem p{.seqlen_q = 130, .seqlen_k = 130 + diagonal, .head_dim = head_dim, .causal = true};
      p.heads = head_counts[turn % std::size(head_counts)].query;
      p.kv_heads = head_counts[turn % std::size(head_counts)].key;
      add(cases, p, turn++);
    }
  }
  for (const auto& [problem, seed] : edge_cases(head_dims[0])) add(cases, problem, seed);
  return cases;
}

std::vector<ConformanceCase> long_cases() {
  Problem p;
  p.heads = p.kv_heads = 1;
  p.causal = true;
  std::vector<ConformanceCase> cases;
  for (const std::int64_t length : {8192, 16384}) {
    p.seqlen_q = p.seqlen_k = length;
    add(cases, p, cases.size());
  }
  p.seqlen_q = 16;
  p.seqlen_k = 65536;
  for (const bool causal : {true, false}) {
    p.causal = causal;
    add(cases, p, cases.size());
  }
  return cases;
}

CheckResult check_case(const ConformanceCase& test, const Forward& forward,
                       const Precision& precision) {
  const Inputs inputs = generate(test.problem, test.seed, precision);
  const Expected expected = expect(test.problem, inputs, precision);
  return check(test.problem, expected, forward(test.problem, inputs));
}

}  // namespace flash

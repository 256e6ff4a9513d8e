#include "diagnosis/conditions.h"

#include <algorithm>
#include <vector>

namespace flash {
namespace {

struct Given {
  const Problem& problem;
  Plan plan;

  // Of any of the sequences that have queries and keys.
  bool any(auto&& holds) const {
    for (std::int64_t b = 0; b < problem.batch; ++b)
      if (const Sequence s = problem.sequence(b); s.q_length > 0 && s.k_length > 0 && holds(s))
        return true;
    return false;
  }
  bool has_more_keys_than(int tiles) const {
    return any([&](auto& s) { return s.k_length > tiles * plan.tiles.key_rows; });
  }
  bool has_more_queries_than(int tiles) const {
    return any([&](auto& s) { return s.q_length > tiles * plan.tiles.query_rows; });
  }
};

struct Condition {
  const char* words;
  bool (*holds)(const Given&);
};

// The simpler ones first.
constexpr Condition conditions[] = {
    {"with a causal mask", [](const Given& g) { return g.problem.causal; }},
    {"without a mask", [](const Given& g) { return !g.problem.causal; }},
    {"where rows see no key",
     [](const Given& g) {
       return g.problem.causal && g.any([](auto& s) { return s.q_length > s.k_length; });
     }},
    {"with more than one split", [](const Given& g) { return g.plan.splits > 1; }},
    {"with one split", [](const Given& g) { return g.plan.splits == 1; }},
    {"with more than one tile of keys", [](const Given& g) { return g.has_more_keys_than(1); }},
    {"with more than two tiles of keys", [](const Given& g) { return g.has_more_keys_than(2); }},
    {"with more than four tiles of keys", [](const Given& g) { return g.has_more_keys_than(4); }},
    {"where the keys do not fill the last tile",
     [](const Given& g) {
       return g.any([&](auto& s) { return s.k_length % g.plan.tiles.key_rows != 0; });
     }},
    {"where the keys fill all tiles",
     [](const Given& g) {
       return !g.any([&](auto& s) { return s.k_length % g.plan.tiles.key_rows != 0; });
     }},
    {"where a tile of queries skips one of keys",
     [](const Given& g) {
       return g.problem.causal && g.any([&](auto& s) {
         const auto [d, rows, keys] = g.plan.tiles;
         const std::int64_t seen = rows + s.k_length - s.q_length;
         return s.q_length > rows && tile::ceil_div(seen, keys) * keys < s.k_length;
       });
     }},
    {"with more than one tile of queries",
     [](const Given& g) { return g.has_more_queries_than(1); }},
    {"where the queries do not fill the last tile",
     [](const Given& g) {
       return g.any([&](auto& s) { return s.q_length % g.plan.tiles.query_rows != 0; });
     }},
    {"where query heads share a key head",
     [](const Given& g) { return g.problem.kv_heads < g.problem.heads; }},
    {"with several key heads", [](const Given& g) { return g.problem.kv_heads > 1; }},
    {"with packed sequences", [](const Given& g) { return g.problem.packed(); }},
    {"with more than one sequence", [](const Given& g) { return g.problem.batch > 1; }},
    {"where head_dim is padded",
     [](const Given& g) { return g.problem.head_dim != padded_head_dim(g.problem.head_dim); }},
    {"with head_dim above 64", [](const Given& g) { return g.problem.head_dim > 64; }},
    {"with head_dim above 128", [](const Given& g) { return g.problem.head_dim > 128; }},
    {"in 16 bits", [](const Given& g) { return size_in_bytes(g.problem.dtype) == 2; }},
    {"in bf16", [](const Given& g) { return g.problem.dtype == DType::bf16; }},
    {"in f16", [](const Given& g) { return g.problem.dtype == DType::f16; }},
    {"in f32", [](const Given& g) { return g.problem.dtype == DType::f32; }},
    {"with other numbers of queries than of keys",
     [](const Given& g) { return g.any([](auto& s) { return s.q_length != s.k_length; }); }},
    {"with more keys than queries",
     [](const Given& g) { return g.any([](auto& s) { return s.q_length < s.k_length; }); }},
    {"with more queries than keys",
     [](const Given& g) { return g.any([](auto& s) { return s.q_length > s.k_length; }); }},
    {"with more than one query", [](const Given& g) { return g.problem.seqlen_q > 1; }},
    {"with one query", [](const Given& g) { return g.problem.seqlen_q == 1; }}};

constexpr std::size_t count = std::size(conditions);

// Of each problem: which conditions it meets, and whether it passed.
struct Row {
  bool holds[count];
  bool passed;
};

std::vector<Row> rows_of(std::span<const Outcome> outcomes, Plan (*plan)(const Shape&)) {
  std::vector<Row> rows;
  for (const auto& [problem, passed] : outcomes) {
    if (problem->total_q() == 0 || problem->total_k() == 0) continue;
    Row& row = rows.emplace_back();
    const Given given{*problem, plan(problem->shape())};
    for (std::size_t i = 0; i < count; ++i) row.holds[i] = conditions[i].holds(given);
    row.passed = passed;
  }
  return rows;
}

// The share of those that meet both conditions which fail; 0 if one fails that does not.
double share(const std::vector<Row>& rows, std::size_t a, std::size_t b) {
  int having = 0, failing = 0;
  for (const Row& row : rows) {
    const bool holds = row.holds[a] && row.holds[b];
    if (!row.passed && !holds) return 0;
    having += holds;
    failing += !row.passed;
  }
  return having == 0 ? 0 : static_cast<double>(failing) / having;
}

}  // namespace

std::string failing_condition(std::span<const Outcome> outcomes, Plan (*plan)(const Shape&)) {
  const std::vector<Row> rows = rows_of(outcomes, plan);
  const auto passed = std::ranges::count_if(rows, [](const Row& row) { return row.passed; });
  const auto size = static_cast<std::ptrdiff_t>(rows.size());
  if (passed < 2 || size - passed < 2) return "";
  double best = 0;
  std::size_t first = 0, second = 0;
  for (std::size_t i = 0; i < count; ++i)  // one condition before two
    if (const double s = share(rows, i, i); s > best + 0.02) best = s, first = second = i;
  for (std::size_t i = 0; i < 2; ++i)  // with a mask or without
    for (std::size_t j = 2; j < count; ++j)
      if (const double s = share(rows, i, j); s > best + 0.1) best = s, first = i, second = j;
  const double of_all = static_cast<double>(size - passed) / static_cast<double>(size);
  if (best < 0.5 || best < of_all + 0.1) return "";
  std::string words = conditions[first].words;
  if (second != first) words += ", " + std::string(conditions[second].words);
  return words + (best < 1 ? ", not always" : "");
}

}  // namespace flash

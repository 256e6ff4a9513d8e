#include "check/rows.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "attention/random.h"
#include "attention/tensors.h"

namespace flash {
namespace {

constexpr std::int64_t smallest_sample = 16;

// Bounds the memory of the results: 12 bytes an element for the reference and the plain
// computation.
constexpr double max_elements = 3e6;

std::vector<std::int64_t> sample(std::int64_t length, std::int64_t count, std::uint64_t key) {
  const std::int64_t telling[] = {0,  length - 1, length / 2, 1,   length - 2, 63,
                                  64, 65,         127,        128, 129};
  std::set<std::int64_t> rows;
  for (const std::int64_t row : telling)
    if (row >= 0 && row < length) rows.insert(row);
  for (std::uint64_t i = 0; static_cast<std::int64_t>(rows.size()) < count; ++i)
    rows.insert(random_below(length, key, i));
  return {rows.begin(), rows.end()};
}

}  // namespace

std::int64_t Rows::count() const {
  return std::accumulate(of_sequence.begin(), of_sequence.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& rows) {
                           return sum + static_cast<std::int64_t>(rows.size());
                         });
}

Rows all_rows(const Problem& problem) {
  Rows rows;
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    auto& all = rows.of_sequence.emplace_back(problem.sequence(b).q_length);
    std::iota(all.begin(), all.end(), 0);
  }
  return rows;
}

double flops(const Problem& problem, const Rows& rows) {
  double scores = 0;
  for (std::int64_t b = 0; b < problem.batch; ++b)
    scores += static_cast<double>(rows.of_sequence[b].size()) *
              static_cast<double>(problem.sequence(b).k_length);
  return 4 * scores * static_cast<double>(problem.heads * problem.head_dim);
}

Rows sample_rows(const Problem& problem, double budget) {
  Rows rows = all_rows(problem);
  const double cost = flops(problem, rows);
  const auto elements = static_cast<double>(q_elements(problem));
  if (cost <= budget && elements <= max_elements) return rows;
  const double share = std::min(budget / cost, max_elements / elements);
  rows.of_sequence.clear();
  for (std::int64_t b = 0; b < problem.batch; ++b) {
    const std::int64_t length = problem.sequence(b).q_length;
    const auto count =
        std::max(smallest_sample, static_cast<std::int64_t>(share * static_cast<double>(length)));
    rows.of_sequence.push_back(
        sample(length, std::min(count, length), static_cast<std::uint64_t>(b)));
  }
  return rows;
}

}  // namespace flash

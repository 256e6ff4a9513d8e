#include "harness/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "attention/reference.h"
#include "harness/errors.h"
#include "harness/mistakes.h"

namespace flash {
namespace {

constexpr double most_flops = 2e8;  // of a mistake
constexpr std::int64_t tiles[] = {16, 32, 64, 128, 256};

// How much closer than the right result a mistake's has to be, in root mean square.
constexpr double close = 0.1;

// The output's values for the rows, in the order of RowResults.
RowResults<double> gather(const Problem& p, const Outputs& outputs, const Rows& rows) {
  RowResults<double> values;
  for_each_row(rows, [&](std::int64_t, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < p.heads; ++h) {
      values.lse.push_back(outputs.lse[p.row_offset(batch, h) + query]);
      const std::int64_t first = q_offset(p, batch, query, h);
      for (std::int64_t c = 0; c < p.head_dim; ++c)
        values.o.push_back(element(outputs.o, p.dtype, first + c));
    }
  });
  return values;
}

bool finite(double x) {
  return std::isfinite(x);
}

// Explains infinities and NaNs by the rows that have them.
std::string diagnose_non_finite(const RowResults<double>& actual, const RowResults<double>& right) {
  constexpr double overflow = 88;  // of exp in fp32
  bool only_empty_rows = true, only_large_rows = true;
  const std::size_t d = actual.o.size() / std::max<std::size_t>(1, actual.lse.size());
  for (std::size_t row = 0; row < actual.lse.size(); ++row) {
    const auto first = actual.o.begin() + static_cast<std::ptrdiff_t>(row * d);
    if (std::all_of(first, first + static_cast<std::ptrdiff_t>(d), finite)) continue;
    only_empty_rows &= right.lse[row] == -std::numeric_limits<double>::infinity();
    only_large_rows &= std::abs(right.lse[row]) > overflow - 8;
  }
  if (only_empty_rows) return "rows that see no key are divided by their row sum, 0";
  if (only_large_rows) return "exp overflows or underflows: the row maximum is not subtracted";
  return "";
}

double root_mean_square(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(error(a[i], b[i]), 2);
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, a.size())));
}

std::string constant(const std::vector<double>& values) {
  const bool all_equal = std::all_of(values.begin(), values.end(),
                                     [&](double value) { return value == values.front(); });
  if (values.size() < 2 || !all_equal) return "";
  char text[64];
  std::snprintf(text, sizeof text, "every element is %g", values.front());
  return text;
}

}  // namespace

std::string diagnose(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
                     Compared compared) {
  const Rows rows = sample_rows(problem, most_flops);
  const RowResults<double> actual = gather(problem, outputs, rows);
  const RowResults<double> right = reference_forward(problem, inputs, rows);
  if (!std::all_of(actual.o.begin(), actual.o.end(), finite))
    return diagnose_non_finite(actual, right);
  const auto part = compared == Compared::o ? &RowResults<double>::o : &RowResults<double>::lse;
  if (std::string name = constant(actual.*part); !name.empty()) return name;

  std::string best;
  double smallest = close * root_mean_square(actual.*part, right.*part);
  for (const Mistake& mistake : mistakes())
    for (const std::int64_t tile : tiles) {
      const RowResults<double> wrong = forward_with_mistake(problem, inputs, rows, mistake, tile);
      const double distance = root_mean_square(actual.*part, wrong.*part);
      if (distance < smallest) {
        smallest = distance;
        best = mistake.name;
        if (mistake.tiled) best += " (tiles of " + std::to_string(tile) + " keys)";
      }
      if (!mistake.tiled) break;
    }
  return best;
}

}  // namespace flash

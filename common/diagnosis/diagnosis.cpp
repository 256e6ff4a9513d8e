#include "diagnosis/diagnosis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "check/errors.h"
#include "check/reference.h"
#include "diagnosis/mistakes.h"

namespace flash {
namespace {

constexpr double max_flops = 2e8;  // of a mistake
constexpr std::int64_t tiles[] = {64, 128, 32, 16, 256};

// How much closer than the right result a mistake's has to be, in root mean square.
constexpr double close = 0.1;

// As the outputs are, so that a 16-bit output of a mistake is equal to the mistake's result.
void round_to(DType dtype, std::vector<double>& values) {
  tile::with_type(dtype, [&](auto type) {
    for (double& value : values)
      value = tile::to_float(tile::from_float<decltype(type)>(static_cast<float>(value)));
  });
}

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

// Which rows of O are wrong, by what is special about them.
struct WrongRows {
  std::int64_t empty = 0;  // see no key
  std::int64_t large = 0;  // scores that overflow or underflow exp in fp32
  std::int64_t other = 0;
  std::int64_t right_other = 0;
  bool finite = true;

  bool only_empty() const { return empty > 0 && large + other == 0; }
  bool only_large() const { return large > 0 && other == 0 && (right_other > 0 || !finite); }
};

WrongRows wrong_rows(const RowResults<double>& actual, const RowResults<double>& right,
                     std::int64_t head_dim) {
  constexpr double exp_range = 80;
  double largest = 0;
  for (const double o : right.o) largest = std::max(largest, std::abs(o));
  WrongRows rows;
  for (std::size_t row = 0; row < right.lse.size(); ++row) {
    double row_error = 0;
    for (std::int64_t c = 0; c < head_dim; ++c)
      row_error =
          std::max(row_error, error(actual.o[row * head_dim + c], right.o[row * head_dim + c]));
    const bool wrong = row_error > 0.02 * largest;
    rows.finite &= std::isfinite(row_error);
    if (right.lse[row] == -std::numeric_limits<double>::infinity())
      rows.empty += wrong;
    else if (std::abs(right.lse[row]) > exp_range)
      rows.large += wrong;
    else
      ++(wrong ? rows.other : rows.right_other);
  }
  return rows;
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

// The name, and how close the output is to what that mistake gives, and to what is right.
std::string closest_mistake(const Problem& problem, const Inputs& inputs, const Rows& rows,
                            const RowResults<double>& actual, const RowResults<double>& right,
                            std::vector<double> RowResults<double>::*part) {
  const double from_right = root_mean_square(actual.*part, right.*part);
  double smallest = close * from_right;
  std::string best;
  for (const Mistake& mistake : mistakes())
    for (const std::int64_t tile : tiles) {
      RowResults<double> wrong = forward_with_mistake(problem, inputs, rows, mistake, tile);
      round_to(problem.dtype, wrong.o);
      const double distance = root_mean_square(actual.*part, wrong.*part);
      if (distance < smallest) {
        smallest = distance;
        best = mistake.name;
        if (mistake.tiled) best += " (tiles of " + std::to_string(tile) + " keys)";
      }
      if (!mistake.tiled) break;
    }
  if (best.empty()) return "";
  char numbers[100];
  std::snprintf(numbers, sizeof numbers, "; rms distance from that %.1e, from what is right %.1e",
                smallest, from_right);
  return best + numbers;
}

}  // namespace

std::string diagnose(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
                     Compared compared) {
  const Rows rows = sample_rows(problem, max_flops);
  const RowResults<double> actual = gather(problem, outputs, rows);
  RowResults<double> right = reference_forward(problem, inputs, rows);
  round_to(problem.dtype, right.o);
  const auto part = compared == Compared::o ? &RowResults<double>::o : &RowResults<double>::lse;
  const WrongRows wrong = wrong_rows(actual, right, problem.head_dim);
  if (wrong.only_empty()) return "rows that see no key are not set to 0";
  if (wrong.finite) {
    if (std::string name = constant(actual.*part); !name.empty()) return name;
    const std::string name = closest_mistake(problem, inputs, rows, actual, right, part);
    if (!name.empty()) return name;
  }
  if (wrong.only_large()) return "exp overflows or underflows: the row maximum is not subtracted";
  return "";
}

void diagnose(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
              CheckResult& result) {
  if (!result.passed)
    result.looks_like =
        diagnose(problem, inputs, outputs, result.o_passed ? Compared::lse : Compared::o);
}

}  // namespace flash

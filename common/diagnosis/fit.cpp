#include "diagnosis/fit.h"

#include <algorithm>
#include <cmath>

#include "check/errors.h"

namespace flash {
namespace {

double root_mean_square(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(error(a[i], b[i]), 2);
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, a.size())));
}

double largest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::ranges::max_element(values);
}

}  // namespace

Fit fit(const Sample& sample, const Candidate& candidate) {
  const WrongOutput& output = sample.output;
  const RowResults<double> wrong = output.with(*candidate.mistake, sample.rows,
                                               candidate.tile_of(output.setting), candidate.sweep);
  const auto &a = output.of(sample.actual), &r = output.of(sample.right), &w = output.of(wrong);
  const std::vector<double> zeros(w.size()),
      from_right = output.row_errors(a, r), distance = output.row_errors(a, w),
      size = output.row_errors(w, zeros), actual_size = output.row_errors(a, zeros),
      right_size = output.row_errors(r, zeros);
  std::vector<double> moved = output.row_errors(w, r);
  // Rows that see no key, where the mistake is about keys; and NaN, in which any may end.
  const auto tells_nothing = [&](std::size_t row) {
    return (!std::isfinite(sample.right.lse[row]) && moved[row] == 0) ||
           (!std::isfinite(actual_size[row]) && !std::isfinite(size[row]));
  };
  Fit result;
  std::size_t grown = 0, same = 0;  // rows whose values are too large to tell, unless they agree
  for (std::size_t row = 0; row < moved.size(); ++row) {
    if (candidate.mistake->vague && !std::isfinite(size[row])) {
      moved[row] = 0;
      continue;
    }
    const double growth = right_size[row] > 0 ? std::max(1.0, size[row] / right_size[row]) : 1;
    const double rounding = output.bound() * (std::isfinite(growth) ? growth : 1);
    const double difference = std::max(from_right[row], moved[row]);
    if (tells_nothing(row)) continue;
    const double most = std::min(0.4 * difference, 0.25 * actual_size[row]);
    if (!(difference > telling_bounds * rounding)) {
      result.refuted |= !(distance[row] <= telling_bounds * rounding);
      if (!(difference > telling_bounds * output.bound())) continue;
      ++grown;
      same += distance[row] <= std::min(0.2 * output.bound(), most);
      continue;
    }
    ++result.telling;
    result.refuted |= !std::isfinite(distance[row]);
    result.exact += distance[row] <= std::min(1.2 * rounding, most);
    result.close += distance[row] <= std::min(2 * rounding + 0.05 * difference, most);
  }
  if (result.telling == 0 && same == grown) result.telling = result.exact = result.close = same;
  result.moved = largest(moved);
  result.distance = root_mean_square(a, w);
  result.from_right = root_mean_square(a, r);
  result.fits_lse = root_mean_square(sample.actual.lse, wrong.lse) <=
                    0.05 * root_mean_square(sample.actual.lse, sample.right.lse) +
                        output.tried.check.lse_error_bound;
  return result;
}

bool changes_o(const Sample& sample, const Candidate& candidate) {
  const WrongOutput& output = sample.output;
  const RowResults<double> wrong = output.with(*candidate.mistake, sample.rows,
                                               candidate.tile_of(output.setting), candidate.sweep);
  double most = 0;
  for (std::size_t i = 0; i < wrong.o.size(); ++i)
    most = std::max(most, error(wrong.o[i], sample.right.o[i]));
  return !(most <= 2 * output.tried.check.error_bound);
}

}  // namespace flash

// What the wrong elements are instead of what they should be.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "check/errors.h"
#include "diagnosis/where.h"

namespace flash {
namespace {

// How the wrong rows of an output differ from the right ones.
struct Values {
  std::vector<double> actual, right;  // of the wrong rows
  std::size_t columns;

  std::size_t rows() const { return actual.size() / columns; }
};

Values wrong_rows(const WrongOutput& output) {
  Values values{{}, {}, static_cast<std::size_t>(output.columns())};
  for (std::size_t row = 0; row < output.ids.size(); ++row) {
    if (!output.wrong[row]) continue;
    for (std::size_t i = row * values.columns; i < (row + 1) * values.columns; ++i) {
      values.actual.push_back(output.of(output.actual)[i]);
      values.right.push_back(output.of(output.right)[i]);
    }
  }
  return values;
}

std::string text(const char* format, auto... numbers) {
  char buffer[160];
  std::snprintf(buffer, sizeof buffer, format, numbers...);
  return buffer;
}

// Elements as run() leaves them before a kernel writes them: all bits are ones.
bool is_unwritten(const WrongOutput& output, std::size_t row) {
  const Problem& p = output.tried.problem;
  const RowId& id = output.ids[row];
  const auto* bytes = output.tried.outputs.o.data();
  std::int64_t size = size_in_bytes(p.dtype);
  std::int64_t first = q_offset(p, id.batch, id.query, id.head) * size;
  size *= p.head_dim;
  if (output.of_lse) {
    bytes = reinterpret_cast<const std::byte*>(output.tried.outputs.lse.data());
    first = (p.row_offset(id.batch, id.head) + id.query) * 4;
    size = 4;
  }
  return std::all_of(bytes + first, bytes + first + size,
                     [](std::byte byte) { return byte == std::byte{0xff}; });
}

std::string non_finite(const WrongOutput& output, const Values& values) {
  std::size_t unwritten = 0, wrong = 0;
  for (std::size_t row = 0; row < output.ids.size(); ++row) {
    wrong += output.wrong[row] != 0;
    unwritten += output.wrong[row] && is_unwritten(output, row);
  }
  if (unwritten == wrong) return "never written";
  const auto is_nan = [](double x) { return std::isnan(x); };
  const auto is_infinite = [](double x) { return std::isinf(x); };
  const auto nans = std::ranges::count_if(values.actual, is_nan);
  const auto infinities = std::ranges::count_if(values.actual, is_infinite);
  const auto all = static_cast<std::ptrdiff_t>(values.actual.size());
  if (unwritten > 0) return text("%zu of %zu wrong rows are never written", unwritten, wrong);
  if (nans == all) return "NaN, computed";
  if (infinities == all) return values.actual.front() > 0 ? "+infinity" : "-infinity";
  if (nans > 0)
    return text("partly NaN, computed: %zu of %zu", std::size_t(nans), std::size_t(all));
  if (infinities > 0) return "partly infinite";
  return "";
}

std::string constant(const Values& values) {
  const double first = values.actual.front();
  const bool same = values.actual.size() > 1 &&
                    std::ranges::all_of(values.actual, [&](double x) { return x == first; });
  return same ? text("%g", first) : "";
}

// The factor by which a row differs from what it should be, if it is one: by least squares.
// Up to the rounding that the bound allows.
double factor_of_row(const Values& values, std::size_t row, double bound) {
  double product = 0, square = 0, size = 0, residual = 0;
  for (std::size_t i = row * values.columns; i < (row + 1) * values.columns; ++i) {
    product += values.actual[i] * values.right[i];
    square += values.right[i] * values.right[i];
    size += values.actual[i] * values.actual[i];
  }
  const double factor = product / square;
  for (std::size_t i = row * values.columns; i < (row + 1) * values.columns; ++i)
    residual += std::pow(values.actual[i] - factor * values.right[i], 2);
  const double rounding = std::pow(bound * factor / 2, 2) * static_cast<double>(values.columns);
  return residual <= 1e-4 * size + rounding / 2 ? factor : std::numeric_limits<double>::quiet_NaN();
}

std::string factors(const WrongOutput& output, const Values& values) {
  if (values.columns < 4 && !output.of_lse) return "";  // one column is any factor times another
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t row = 0; row < values.rows(); ++row) {
    const double factor = factor_of_row(values, row, output.of_lse ? 0 : output.bound());
    if (!std::isfinite(factor)) return "";
    low = std::min(low, factor);
    high = std::max(high, factor);
  }
  if (high - low <= (output.setting.precision ? 0.2 : 0.01) * std::abs(high))
    return values.rows() > 1 && std::abs(high - 1) > 0.02
               ? text("%.4g times what they should be", (low + high) / 2)
               : "";
  return output.of_lse
             ? ""
             : text("each row is some factor, %.3g to %.3g, times what it should be", low, high);
}

std::string offset(const Values& values) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t i = 0; i < values.actual.size(); ++i) {
    low = std::min(low, values.actual[i] - values.right[i]);
    high = std::max(high, values.actual[i] - values.right[i]);
  }
  const bool same = values.actual.size() > 1 && high - low <= 0.01 * std::abs(high);
  return same ? text("off by %+.4g", (low + high) / 2) : "";
}

}  // namespace

std::string wrong_values(const WrongOutput& output) {
  const Values values = wrong_rows(output);
  if (values.actual.empty()) return "";
  for (const std::string& words :
       {non_finite(output, values), constant(values), factors(output, values), offset(values)})
    if (!words.empty()) return words;
  return "";
}

}  // namespace flash

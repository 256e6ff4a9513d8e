#include "check/checker.h"

#include <cmath>
#include <cstdio>
#include <limits>

#include "check/errors.h"

namespace flash {
namespace {

void require_sizes(const Problem& problem, const Outputs& outputs) {
  const auto require = [](const char* name, std::size_t actual, std::int64_t expected) {
    if (actual != static_cast<std::size_t>(expected))
      throw BadInput(std::string(name) + ": has " + std::to_string(actual) +
                     " elements, expected " + std::to_string(expected));
  };
  require("o", outputs.o.size() / size_in_bytes(problem.dtype), q_elements(problem));
  require("lse", outputs.lse.size(), lse_elements(problem));
}

// Compares element by element; keeps the errors, the number of wrong elements and the worst.
struct Comparison {
  double bound = 0;
  Errors errors{};  // of rows that see a key
  std::int64_t wrong = 0, count = 0;
  Place worst{};
  double worst_error = -1;

  // Where a row sees no key there is no error to allow.
  void add(const Place& place, bool sees_keys) {
    const double e = error(place.actual, place.expected);
    const bool is_wrong = !(e <= (sees_keys ? bound : 0));
    ++count;
    wrong += is_wrong;
    errors.max = std::max(errors.max, e);
    if (sees_keys) errors.add(e);
    if (is_wrong && e > worst_error) {
      worst_error = e;
      worst = place;
    }
  }
};

std::string text(const char* format, auto... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

std::string name(const Place& p) {
  const std::string place =
      text("[batch %lld, row %lld, head %lld", static_cast<long long>(p.batch),
           static_cast<long long>(p.row), static_cast<long long>(p.head));
  return p.column < 0 ? "LSE" + place + "]"
                      : "O" + place + ", column " + std::to_string(p.column) + "]";
}

struct Comparisons {
  Comparison o, lse;
};

Comparisons compare(const Problem& problem, const Expected& expected, const Outputs& outputs) {
  const std::int64_t d = problem.head_dim, heads = problem.heads;
  Comparisons result{{expected.o.max}, {expected.lse_bound}};
  for_each_row(expected.rows, [&](std::int64_t index, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::int64_t row = index * heads + h;
      const double lse = expected.reference.lse[row];
      const bool sees_keys = lse != -std::numeric_limits<double>::infinity();
      const float actual_lse = outputs.lse[problem.row_offset(batch, h) + query];
      result.lse.add({batch, h, query, -1, lse, actual_lse}, sees_keys);
      const std::int64_t first = q_offset(problem, batch, query, h);
      for (std::int64_t c = 0; c < d; ++c) {
        const double o = expected.reference.o[row * d + c];
        const float actual_o = element(outputs.o, problem.dtype, first + c);
        result.o.add({batch, h, query, c, o, actual_o}, sees_keys);
      }
    }
  });
  return result;
}

}  // namespace

CheckResult check(const Problem& problem, const Expected& expected, const Outputs& outputs) {
  require_sizes(problem, outputs);
  const auto [o, lse] = compare(problem, expected, outputs);
  CheckResult result;
  result.max_abs_error = o.errors.max;
  result.error_bound = o.bound;
  result.mean_abs_error = o.errors.mean();
  result.mean_error_bound = expected.o.mean;
  result.lse_max_abs_error = lse.errors.max;
  result.lse_error_bound = lse.bound;
  result.rows_checked = lse.count;
  result.rows_total = lse_elements(problem);
  result.elements_checked = o.count;
  result.o_wrong = o.wrong;
  result.lse_wrong = lse.wrong;
  result.worst = o.wrong > 0 ? o.worst : lse.worst;
  const bool o_passed = o.wrong == 0 && result.mean_abs_error <= result.mean_error_bound;
  result.passed = o_passed && lse.wrong == 0;
  result.o_passed = o_passed;
  return result;
}

std::string describe(const CheckResult& r) {
  std::string lines =
      text("%s: O max error %.2e (bound %.2e), mean %.2e (%.2e); LSE %.2e (%.2e); ",
           r.passed ? "passed" : "FAILED", r.max_abs_error, r.error_bound, r.mean_abs_error,
           r.mean_error_bound, r.lse_max_abs_error, r.lse_error_bound);
  lines += r.rows_checked == r.rows_total ? "all"
                                          : text("%lld of", static_cast<long long>(r.rows_checked));
  lines += text(" %lld rows checked", static_cast<long long>(r.rows_total));
  if (r.passed) return lines;
  if (r.o_wrong + r.lse_wrong > 0)
    lines +=
        "\n  " + name(r.worst) + text(" is %.9g, expected %.9g", r.worst.actual, r.worst.expected);
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return text(
        "%lld of %lld (%.3g %%)", static_cast<long long>(part), static_cast<long long>(whole),
        100 * static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(1, whole)));
  };
  lines += "\n  wrong elements: O " + share(r.o_wrong, r.elements_checked) + ", LSE " +
           share(r.lse_wrong, r.rows_checked);
  if (r.o_wrong == 0 && !(r.mean_abs_error <= r.mean_error_bound))
    lines += "; the mean error of O is too large";
  if (!r.looks_like.empty()) return lines + "\n  looks like: " + r.looks_like;
  if (!r.where.empty()) lines += "\n  where: " + r.where;
  if (!r.values.empty()) lines += "\n  values: " + r.values;
  return lines;
}

}  // namespace flash

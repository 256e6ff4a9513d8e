// O is right, its log-sum-exp is not.
#include <cmath>
#include <numbers>

#include "diagnosis/mistakes.h"

namespace flash {
namespace {

using std::numbers::log2e;

struct Statistics {
  double m, l;  // the row's maximum and sum
  double scale;
};

template <double (*f)(const Statistics&)>
RowSum<double> wrong_lse(RowSlice<double> scores, const RowContext& c) {
  const double row_max = scores.maxCoeff();
  const double row_sum = softmax(scores).divisor;
  return {row_sum, f({row_max, row_sum, c.problem().softmax_scale()})};
}

constexpr auto base_2 = [](const Statistics& s) { return (s.m + std::log(s.l)) * log2e; };
constexpr auto max_in_base_2 = [](const Statistics& s) { return s.m * log2e + std::log(s.l); };
constexpr auto sum_in_base_2 = [](const Statistics& s) { return s.m + std::log2(s.l); };
constexpr auto without_max = [](const Statistics& s) { return std::log(s.l); };
constexpr auto without_sum = [](const Statistics& s) { return s.m; };
constexpr auto without_log = [](const Statistics& s) { return s.m + s.l; };
constexpr auto wrong_sign = [](const Statistics& s) { return s.m - std::log(s.l); };
constexpr auto unscaled_max = [](const Statistics& s) { return s.m / s.scale + std::log(s.l); };
constexpr auto row_sum = [](const Statistics& s) { return s.l; };
constexpr auto inverse = [](const Statistics& s) { return -(s.m + std::log(s.l)); };
constexpr auto max_twice = [](const Statistics& s) { return 2 * s.m + std::log(s.l); };
constexpr auto scaled = [](const Statistics& s) { return (s.m + std::log(s.l)) * s.scale; };

const Mistake table[] = {
    {.name = "LSE is in base 2, not a natural logarithm", .weigh = wrong_lse<base_2>},
    {.name = "LSE adds a maximum in base 2 to a natural logarithm",
     .weigh = wrong_lse<max_in_base_2>},
    {.name = "LSE adds log2 of the sum, not its natural logarithm",
     .weigh = wrong_lse<sum_in_base_2>},
    {.name = "LSE lacks the row maximum", .weigh = wrong_lse<without_max>},
    {.name = "LSE lacks the logarithm of the row sum", .weigh = wrong_lse<without_sum>},
    {.name = "LSE adds the row sum, not its logarithm", .weigh = wrong_lse<without_log>},
    {.name = "LSE subtracts the logarithm of the row sum", .weigh = wrong_lse<wrong_sign>},
    {.name = "LSE adds the maximum of the unscaled scores", .weigh = wrong_lse<unscaled_max>},
    {.name = "LSE is the row sum", .weigh = wrong_lse<row_sum>},
    {.name = "the row maximum is not subtracted, but added to LSE", .weigh = wrong_lse<max_twice>},
    {.name = "LSE has the wrong sign", .weigh = wrong_lse<inverse>},
    {.name = "LSE is multiplied by the scale of the scores", .weigh = wrong_lse<scaled>},
};

}  // namespace

std::span<const Mistake> mistakes_of_lse() {
  return table;
}

}  // namespace flash

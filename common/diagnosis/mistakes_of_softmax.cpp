// Online softmax: what is rescaled when the maximum moves, by what and when.
#include <cmath>

#include "diagnosis/online.h"

namespace flash {
namespace {

// O and l are each multiplied by a factor of their own, and the weights are against the running
// maximum.
template <double (*of_O)(const Step&), double (*of_l)(const Step&)>
RowSum<double> rescaled_by(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c, [](Step& s) {
    s.earlier *= of_O(s);
    return s.l * of_l(s) + s.weigh(s.m);
  });
}

double right(const Step& s) {
  return s.r();
}
double one(const Step&) {
  return 1;
}
double wrong_sign(const Step& s) {
  return s.first() ? 0 : std::exp(s.m - s.m_old);
}
double in_base_2(const Step& s) {
  return s.first() ? 0 : std::exp2(s.m_old - s.m);
}
double twice(const Step& s) {
  return s.r() * s.r();
}
double factor_of_last(const Step& s) {
  return s.r_old;
}

// The rescale factor of unscaled scores, of O or of O and l.
template <bool of_l>
RowSum<double> unscaled_factor(RowSlice<double> scores, const RowContext& c) {
  const double scale = c.problem().softmax_scale();
  return online(scores, c, [scale](Step& s) {
    const double r = s.first() ? 0 : std::exp((s.m_old - s.m) / scale);
    s.earlier *= r;
    return s.l * (of_l ? r : s.r()) + s.weigh(s.m);
  });
}

// Weights against the tile's own maximum, of O, of l or of both.
template <bool of_O, bool of_l>
RowSum<double> own_maximum(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c, [](Step& s) {
    s.earlier *= s.r();
    const double sum = s.weigh(s.m), factor = std::exp(s.m - s.m_tile);
    if (of_O) s.part *= factor;
    return s.l * s.r() + sum * (of_l ? factor : 1);
  });
}

// The tile is added, and then all is rescaled.
template <bool of_O, bool of_l>
RowSum<double> rescaled_after(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c, [](Step& s) {
    const double sum = s.weigh(s.m), r = s.r();
    s.earlier *= r;
    if (of_O) s.part *= r;
    return s.l * r + sum * (of_l ? r : 1);
  });
}

// Weights in fp32 against another maximum, which cancels unless they overflow or underflow; as P
// they are in the problem's dtype. One of -inf counts as 0. What comes of the smallest numbers is
// vague: how the products of O round, and whether the processor has them.
RowSum<double> against(RowSlice<double> scores, const RowContext& c, double maximum) {
  const double subtracted = std::isfinite(maximum) ? maximum : 0;
  double sum = 0;
  for (double& score : scores) {
    const auto weight = static_cast<float>(std::exp(score - subtracted));
    sum += weight;
    score = weight;
    if (c.problem().dtype == DType::f16)
      score = tile::to_float(tile::from_float<tile::f16>(weight));
  }
  sum = static_cast<float>(sum);
  if (sum > 0 && sum < 0x1p-120) sum = std::nan("");
  return {sum == 0 ? 1 : sum, maximum + std::log(sum)};
}

RowSum<double> maximum_without_last_tile(RowSlice<double> scores, const RowContext& c) {
  const Eigen::Index end = (c.sequence().k_length - 1) / c.tile * c.tile;
  const auto found = scores.head(std::min(end, scores.size()));
  return against(scores, c,
                 found.size() > 0 ? found.maxCoeff() : -std::numeric_limits<double>::infinity());
}

RowSum<double> unscaled_maximum(RowSlice<double> scores, const RowContext& c) {
  return against(scores, c, scores.maxCoeff() / c.problem().softmax_scale());
}

const Mistake table[] = {
    {.name = "the accumulator is not rescaled when the maximum moves",
     .tiled = true,
     .weigh = rescaled_by<one, right>},
    {.name = "the row sum is not rescaled when the maximum moves",
     .tiled = true,
     .weigh = rescaled_by<right, one>},
    {.name = "neither accumulator nor row sum is rescaled when the maximum moves",
     .tiled = true,
     .weigh = rescaled_by<one, one>},
    {.name = "the accumulator is rescaled by exp(m_new - m_old), not exp(m_old - m_new)",
     .tiled = true,
     .weigh = rescaled_by<wrong_sign, right>},
    {.name = "the row sum is rescaled by exp(m_new - m_old), not exp(m_old - m_new)",
     .tiled = true,
     .weigh = rescaled_by<right, wrong_sign>},
    {.name = "accumulator and row sum are rescaled by exp(m_new - m_old), the wrong sign",
     .tiled = true,
     .weigh = rescaled_by<wrong_sign, wrong_sign>},
    {.name = "the accumulator is rescaled twice",
     .tiled = true,
     .weigh = rescaled_by<twice, right>},
    {.name = "the accumulator is rescaled by the factor of the tile before",
     .tiled = true,
     .swept = true,
     .weigh = rescaled_by<factor_of_last, right>},
    {.name = "the rescale factor lacks the scale of the scores",
     .tiled = true,
     .weigh = unscaled_factor<true>},
    {.name = "the rescale factor lacks the scale of the scores",
     .tiled = true,
     .weigh = unscaled_factor<false>},
    {.name = "the rescale factor is exp2 of a difference that lacks log2(e)",
     .tiled = true,
     .weigh = rescaled_by<in_base_2, in_base_2>},
    {.name = "the rescale factor is exp2 of a difference that lacks log2(e)",
     .tiled = true,
     .weigh = rescaled_by<in_base_2, right>},
    {.name = "the accumulator is rescaled after PV is added, not before",
     .tiled = true,
     .weigh = rescaled_after<true, false>},
    {.name = "the row sum is rescaled after the tile's is added, not before",
     .tiled = true,
     .weigh = rescaled_after<false, true>},
    {.name = "accumulator and row sum are rescaled after the tile is added, not before",
     .tiled = true,
     .weigh = rescaled_after<true, true>},
    {.name = "a tile's weights are relative to its own maximum, not to the running one",
     .tiled = true,
     .weigh = own_maximum<true, true>},
    {.name = "PV is relative to the tile's maximum, not to the running one",
     .tiled = true,
     .weigh = own_maximum<true, false>},
    {.name = "a tile's sum is relative to its own maximum, not to the running one",
     .tiled = true,
     .weigh = own_maximum<false, true>},
    {.name = "the row maximum is that of the scores without the last tile of keys",
     .vague = true,
     .weigh = maximum_without_last_tile},
    {.name = "the row maximum is that of scores that are not scaled",
     .vague = true,
     .weigh = unscaled_maximum},
};

}  // namespace

std::span<const Mistake> mistakes_of_softmax() {
  return table;
}

}  // namespace flash

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
};

}  // namespace

std::span<const Mistake> mistakes_of_softmax() {
  return table;
}

}  // namespace flash

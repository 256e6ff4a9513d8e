// Online softmax: what is rescaled when the maximum moves, by what and when.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "diagnosis/mistakes.h"

namespace flash {
namespace {

// A tile of keys as online softmax comes to it. The weights of a row are those of V in O, before
// the division: to rescale O is to rescale the earlier weights.
struct Step {
  RowSlice<double> earlier, part;  // weights of the tiles before; scores of this, then weights
  double m_old, m, m_tile;         // maximum so far, with this tile, of this tile
  double l;                        // row sum so far
  double r_old;                    // the rescale factor of the tile before

  bool first() const { return earlier.size() == 0; }
  double r() const { return first() ? 0 : std::exp(m_old - m); }

  // The tile's scores become weights against a maximum; their sum.
  double weigh(double maximum) {
    part = (part.array() - maximum).exp();
    return part.sum();
  }
};

// `update` makes weights of the tile's scores, rescales the earlier ones, and returns the new l.
template <class Update>
RowSum<double> online(RowSlice<double> scores, std::int64_t tile, Update update) {
  double m = -std::numeric_limits<double>::infinity(), l = 0, r = 1;
  for (Eigen::Index j = 0; j < scores.size(); j += tile) {
    RowSlice<double> part = scores.segment(j, std::min<Eigen::Index>(tile, scores.size() - j));
    const double m_old = m, m_tile = part.maxCoeff();
    m = std::max(m, m_tile);
    Step step{scores.head(j), part, m_old, m, m_tile, l, r};
    l = update(step);
    r = step.r();
  }
  return {l == 0 ? 1 : l, m + std::log(l)};
}

// O and l are each multiplied by a factor of their own, and the weights are against the running
// maximum.
template <double (*of_O)(const Step&), double (*of_l)(const Step&)>
RowSum<double> rescaled_by(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c.tile, [](Step& s) {
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
  return online(scores, c.tile, [scale](Step& s) {
    const double r = s.first() ? 0 : std::exp((s.m_old - s.m) / scale);
    s.earlier *= r;
    return s.l * (of_l ? r : s.r()) + s.weigh(s.m);
  });
}

// Weights against the tile's own maximum, of O, of l or of both.
template <bool of_O, bool of_l>
RowSum<double> own_maximum(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c.tile, [](Step& s) {
    s.earlier *= s.r();
    const double sum = s.weigh(s.m), factor = std::exp(s.m - s.m_tile);
    if (of_O) s.part *= factor;
    return s.l * s.r() + sum * (of_l ? factor : 1);
  });
}

// The tile is added, and then all is rescaled.
template <bool of_O, bool of_l>
RowSum<double> rescaled_after(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c.tile, [](Step& s) {
    const double sum = s.weigh(s.m), r = s.r();
    s.earlier *= r;
    if (of_O) s.part *= r;
    return s.l * r + sum * (of_l ? r : 1);
  });
}

// FlashAttention-1 keeps O divided: O = (old_factor O + PV) / l.
template <double (*old_factor)(const Step&, double l)>
RowSum<double> divided_in_every_tile(RowSlice<double> scores, const RowContext& c) {
  RowSum<double> sum = online(scores, c.tile, [](Step& s) {
    const double l = s.l * s.r() + s.weigh(s.m);
    s.earlier *= s.first() ? 0 : old_factor(s, l) / l;
    s.part /= l;
    return l;
  });
  sum.divisor = 1;
  return sum;
}

double without_l(const Step& s, double) {
  return s.r();
}
double with_new_l(const Step& s, double l) {
  return s.r() * l;
}
double without_factor(const Step& s, double) {
  return s.l;
}

// The running weights are right, but only those of some tiles get into O.
template <class Kept>
RowSum<double> keep(RowSlice<double> scores, const RowContext& c, Kept kept) {
  const RowSum<double> sum = softmax(scores);
  for (Eigen::Index j = 0; j < scores.size(); ++j)
    if (!kept(j / c.tile, (scores.size() - 1) / c.tile)) scores[j] = 0;
  return sum;
}

// softmax, and a divisor that is f(maximum, sum, scale).
template <double (*f)(double, double, double)>
RowSum<double> wrong_divisor(RowSlice<double> scores, const RowContext& c) {
  const double row_max = scores.maxCoeff();
  const RowSum<double> sum = softmax(scores);
  return {f(row_max, sum.divisor, c.problem().softmax_scale()), sum.lse};
}

RowSum<double> sum_of_last_tile(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c.tile, [](Step& s) {
    s.earlier *= s.r();
    return s.weigh(s.m);
  });
}

RowSum<double> sum_starts_at_1(RowSlice<double> scores, const RowContext&) {
  const double row_max = scores.maxCoeff();
  const double row_sum = softmax(scores).divisor + 1;
  return {row_sum, row_max + std::log(row_sum)};
}

const Mistake table[] = {
    {.name = "O is not divided by the row sum",
     .weigh = wrong_divisor<[](double, double, double) { return 1.0; }>},
    {.name = "O is divided by the row sum twice",
     .weigh = wrong_divisor<[](double, double l, double) { return l * l; }>},
    {.name = "O is divided by the row maximum, not by the row sum",
     .weigh = wrong_divisor<[](double m, double, double) { return m; }>},
    {.name = "O is divided by the row maximum, not by the row sum",
     .weigh = wrong_divisor<[](double m, double, double scale) { return m / scale; }>},
    {.name = "the row sum starts at 1, not at 0", .weigh = sum_starts_at_1},
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
    {.name = "O is divided by the row sum in every tile, and not multiplied by the old one first",
     .tiled = true,
     .weigh = divided_in_every_tile<without_l>},
    {.name = "FlashAttention-1's update: the old O is not weighed by l_old / l_new",
     .tiled = true,
     .weigh = divided_in_every_tile<with_new_l>},
    {.name = "FlashAttention-1's update: the old O is not rescaled by exp(m_old - m_new)",
     .tiled = true,
     .weigh = divided_in_every_tile<without_factor>},
    {.name = "O is overwritten by every tile, not added to",
     .tiled = true,
     .weigh =
         [](RowSlice<double> scores, const RowContext& c) {
           return keep(scores, c, [](auto i, auto last) { return i == last; });
         }},
    {.name = "the PV of the last tile is missing",
     .tiled = true,
     .weigh =
         [](RowSlice<double> scores, const RowContext& c) {
           return keep(scores, c, [](auto i, auto last) { return i != last; });
         }},
    {.name = "the PV of the first tile is missing",
     .tiled = true,
     .weigh =
         [](RowSlice<double> scores, const RowContext& c) {
           return keep(scores, c, [](auto i, auto) { return i != 0; });
         }},
    {.name = "the row sum is that of the last tile alone",
     .tiled = true,
     .weigh = sum_of_last_tile},
};

}  // namespace

std::span<const Mistake> mistakes_of_softmax() {
  return table;
}

}  // namespace flash

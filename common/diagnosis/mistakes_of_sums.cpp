// The row sum: what O is divided by, and when; and whose weights get into O.
#include <algorithm>
#include <cmath>

#include "diagnosis/online.h"

namespace flash {
namespace {

// FlashAttention-1 keeps O divided: O = (old_factor O + PV) / l; `again` at the end.
template <double (*old_factor)(const Step&, double l), bool again = false>
RowSum<double> divided_in_every_tile(RowSlice<double> scores, const RowContext& c) {
  RowSum<double> sum = online(scores, c, [](Step& s) {
    const double l = s.l * s.r() + s.weigh(s.m);
    s.earlier *= s.first() ? 0 : old_factor(s, l) / l;
    s.part /= l;
    return l;
  });
  if (!again) sum.divisor = 1;
  return sum;
}

// FlashAttention-1's old O is multiplied by l as if it were divided, which happens at the end or
// never.
template <bool at_end>
RowSum<double> multiplied_by_l(RowSlice<double> scores, const RowContext& c) {
  RowSum<double> sum = online(scores, c, [](Step& s) {
    s.earlier *= s.l * s.r();
    return s.l * s.r() + s.weigh(s.m);
  });
  if (!at_end) sum.divisor = 1;
  return sum;
}

// FlashAttention-1's update, with the division elsewhere: of P, of the old O, or of both P and O.
enum class Divided { P, old_O, P_and_O };

template <Divided divided>
RowSum<double> divided_elsewhere(RowSlice<double> scores, const RowContext& c) {
  RowSum<double> sum = online(scores, c, [](Step& s) {
    const double old = s.l * s.r(), l = old + s.weigh(s.m), inverse = l == 0 ? 0 : 1 / l;
    s.earlier *= divided == Divided::P ? old : old * inverse;
    if (divided != Divided::old_O) s.part *= inverse;
    if (divided == Divided::P_and_O) s.part *= inverse;
    return l;
  });
  sum.divisor = 1;
  return sum;
}

// The maximum is known, as in a second sweep; O is divided by the sum of the tiles so far.
RowSum<double> divided_in_every_tile_of_second_sweep(RowSlice<double> scores, const RowContext& c) {
  const double row_max = scores.maxCoeff();
  double l = 0;
  for (Eigen::Index j = 0; j < std::max<Eigen::Index>(scores.size(), c.end_of_loop());
       j += c.tile) {
    const Eigen::Index begin = std::min(j, scores.size());
    auto part = scores.segment(begin, std::min<Eigen::Index>(c.tile, scores.size() - begin));
    part = (part.array() - row_max).exp();
    l += part.sum();
    scores.head(begin) /= l;
    part /= l;
  }
  return {1, row_max + std::log(l)};
}

double without_l(const Step& s, double) {
  return s.r();
}
double with_new_l(const Step& s, double l) {
  return s.r() * l;
}
double only_new_l(const Step&, double l) {
  return l;
}

// The weights are right, but only those of some tiles of the loop get into O.
template <class Kept>
RowSum<double> keep(RowSlice<double> scores, const RowContext& c, Kept kept) {
  const RowSum<double> sum = softmax(scores);
  for (Eigen::Index j = 0; j < scores.size(); ++j)
    if (!kept(j / c.tile, (c.end_of_loop() - 1) / c.tile)) scores[j] = 0;
  return sum;
}

RowSum<double> only_whole_tiles(RowSlice<double> scores, const RowContext& c) {
  const std::int64_t whole = c.sequence().k_length / c.tile;
  return keep(scores, c, [whole](auto i, auto) { return i < whole; });
}

// softmax, and a divisor that is f(maximum, sum, scale).
template <double (*f)(double, double, double)>
RowSum<double> wrong_divisor(RowSlice<double> scores, const RowContext& c) {
  const double row_max = scores.maxCoeff();
  const RowSum<double> sum = softmax(scores);
  return {f(row_max, sum.divisor, c.problem().softmax_scale()), sum.lse};
}

RowSum<double> sum_of_last_tile(RowSlice<double> scores, const RowContext& c) {
  return online(scores, c, [](Step& s) {
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
    {.name = "O is divided by the log-sum-exp, not by the row sum",
     .weigh = wrong_divisor<[](double m, double l, double) { return m + std::log(l); }>},
    {.name = "the row sum starts at 1, not at 0", .weigh = sum_starts_at_1},
    {.name = "O is divided by the row sum in every tile, and not multiplied by the old one first",
     .tiled = true,
     .swept = true,
     .weigh = divided_in_every_tile<without_l>},
    {.name = "FlashAttention-1's update: the old O is not weighed by l_old / l_new",
     .tiled = true,
     .swept = true,
     .weigh = divided_in_every_tile<with_new_l>},
    {.name = "FlashAttention-1's update: the old O is not weighed by l_old / l_new",
     .tiled = true,
     .swept = true,
     .weigh = divided_in_every_tile<only_new_l>},
    {.name = "O is divided by the row sum in every tile, and not multiplied by the old one first",
     .tiled = true,
     .swept = true,
     .weigh = divided_in_every_tile_of_second_sweep},
    {.name = "O is divided by the row sum in every tile, and again at the end",
     .tiled = true,
     .swept = true,
     .weigh = divided_in_every_tile<without_l, true>},
    {.name = "O is multiplied by the old row sum, but divided only at the end",
     .tiled = true,
     .swept = true,
     .weigh = multiplied_by_l<true>},
    {.name = "O is not divided by the row sum",  // but multiplied by it, for the division
     .tiled = true,
     .swept = true,
     .weigh = multiplied_by_l<false>},
    {.name = "P is divided by the row sum, where the sum of old O and PV has to be",
     .tiled = true,
     .swept = true,
     .weigh = divided_elsewhere<Divided::P>},
    {.name = "P is divided by the row sum before PV, and their sum with O again after it",
     .tiled = true,
     .swept = true,
     .weigh = divided_elsewhere<Divided::P_and_O>},
    {.name = "O is divided by the row sum before PV is added, not after",
     .tiled = true,
     .swept = true,
     .weigh = divided_elsewhere<Divided::old_O>},
    {.name = "O is overwritten by every tile, not added to",
     .tiled = true,
     .swept = true,
     .weigh =
         [](RowSlice<double> scores, const RowContext& c) {
           return keep(scores, c, [](auto i, auto last) { return i == last; });
         }},
    {.name = "the PV of the last tile is missing",
     .tiled = true,
     .swept = true,
     .weigh =
         [](RowSlice<double> scores, const RowContext& c) {
           return keep(scores, c, [](auto i, auto last) { return i != last; });
         }},
    {.name = "the PV of the keys after the last whole tile is missing",
     .tiled = true,
     .weigh = only_whole_tiles},
    {.name = "the PV of the first tile is missing",
     .tiled = true,
     .weigh =
         [](RowSlice<double> scores, const RowContext& c) {
           return keep(scores, c, [](auto i, auto) { return i != 0; });
         }},
    {.name = "the row sum is that of the last tile alone",
     .tiled = true,
     .swept = true,
     .weigh = sum_of_last_tile},
};

}  // namespace

std::span<const Mistake> mistakes_of_sums() {
  return table;
}

}  // namespace flash

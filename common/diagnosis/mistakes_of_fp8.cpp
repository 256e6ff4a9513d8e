// What stage 05 does with the scales, the rotation and the format of FP8.
#include <algorithm>
#include <cmath>
#include <utility>

#include "diagnosis/online.h"

namespace flash {
namespace {

bool is_fp8(const Setting& s) {
  return s.precision.has_value();
}
bool is_rotated(const Setting& s) {
  return is_fp8(s) && s.precision->rotate;
}
bool has_block_scales(const Setting& s) {
  return is_fp8(s) && s.precision->per_block;
}

float none(float, float) {
  return 1;
}
float squared(float scale, float) {
  return scale * scale;
}
float inverse(float scale, float) {
  return 1 / scale;
}
float of_block_0(float, float first) {
  return first;
}

// The weights sum to P_factor times too much where it is not taken out of O again, or to as much
// too little where it is taken out and not put in.
template <bool lacks>
RowSum<double> with_P_factor(RowSlice<double> scores, const RowContext&) {
  const RowSum<double> sum = softmax(scores);
  return {lacks ? sum.divisor * P_factor : sum.divisor / P_factor, sum.lse};
}

RowSum<double> lse_with_Q_scale(RowSlice<double> scores, const RowContext& c) {
  const double row_max = scores.maxCoeff();
  const double row_sum = softmax(scores).divisor;
  return {row_sum, row_max * c.Q_scale() + std::log(row_sum)};
}

// O is in units of the largest scale of V so far. Where that grows, O is multiplied by old / new:
// too much or too little here, by (new / old) to the power of `of_O`, and the row sum by another.
template <int of_O, int of_l>
RowSum<double> in_another_unit(RowSlice<double> scores, const RowContext& c) {
  double unit = 0;
  return online(scores, c, [&](Step& s) {
    const double last = std::exchange(unit, std::max(unit, c.V_scale(s.first_key)));
    const double ratio = last > 0 ? unit / last : 1;
    s.earlier *= s.r() * std::pow(ratio, of_O);
    return s.l * s.r() * std::pow(ratio, of_l) + s.weigh(s.m);
  });
}

// P takes unit / scale in place of scale / unit, as far as E4M3 goes.
RowSum<double> P_with_inverse_scale(RowSlice<double> scores, const RowContext& c) {
  const double largest = largest_finite(DType::e4m3) / P_factor;
  double unit = 0;
  return online(scores, c, [&](Step& s) {
    unit = std::max(unit, c.V_scale(s.first_key));
    const double inverse = unit / c.V_scale(s.first_key);
    s.earlier *= s.r();
    const double sum = s.weigh(s.m);
    s.part = (s.part.array() * inverse).min(largest) * inverse;
    return s.l * s.r() + sum;
  });
}

const Mistake table[] = {
    {.name = "the scale of Q is forgotten", .applies = is_fp8, .fp8 = Fp8Mistake{.q = none}},
    {.name = "the scale of K is forgotten", .applies = is_fp8, .fp8 = Fp8Mistake{.k = none}},
    {.name = "the scales of Q and K are forgotten",
     .applies = is_fp8,
     .fp8 = Fp8Mistake{.q = none, .k = none}},
    {.name = "the scale of V is forgotten", .applies = is_fp8, .fp8 = Fp8Mistake{.v = none}},
    {.name = "the scale of Q is applied twice", .applies = is_fp8, .fp8 = Fp8Mistake{.q = squared}},
    {.name = "the scale of K is applied twice", .applies = is_fp8, .fp8 = Fp8Mistake{.k = squared}},
    {.name = "the scale of V is applied twice", .applies = is_fp8, .fp8 = Fp8Mistake{.v = squared}},
    {.name = "Q, K and V are cast to FP8 without scales",
     .applies = is_fp8,
     .fp8 = Fp8Mistake{.q = none, .k = none, .v = none, .divisor = none}},
    {.name = "tiles are multiplied by their scales, not divided, before they are rounded to FP8",
     .applies = is_fp8,
     .fp8 = Fp8Mistake{.divisor = inverse}},
    {.name = "LSE multiplies the maximum by the scale of Q once more",
     .applies = is_fp8,
     .weigh = lse_with_Q_scale},
    {.name = "all blocks of Q take the scale of block 0",
     .applies = has_block_scales,
     .fp8 = Fp8Mistake{.q = of_block_0}},
    {.name = "all blocks of K take the scale of block 0",
     .applies = has_block_scales,
     .fp8 = Fp8Mistake{.k = of_block_0}},
    {.name = "all blocks of V take the scale of block 0",
     .applies = has_block_scales,
     .fp8 = Fp8Mistake{.v = of_block_0}},
    {.name = "the factor 256 of P is not taken out of O",
     .applies = is_fp8,
     .weigh = with_P_factor<false>},
    {.name = "the factor 256 of P is missing, but taken out of O",
     .applies = is_fp8,
     .weigh = with_P_factor<true>},
    {.name = "O is not multiplied by old / new unit when the scale of V grows",
     .tiled = true,
     .swept = true,
     .applies = has_block_scales,
     .weigh = in_another_unit<1, 0>},
    {.name = "O is multiplied by new / old unit, not by old / new, when the scale of V grows",
     .tiled = true,
     .swept = true,
     .applies = has_block_scales,
     .weigh = in_another_unit<2, 0>},
    {.name = "the row sum is brought to the new unit of O when the scale of V grows",
     .tiled = true,
     .swept = true,
     .applies = has_block_scales,
     .weigh = in_another_unit<0, -1>},
    {.name = "O and row sum are multiplied by new / old unit when the scale of V grows",
     .tiled = true,
     .swept = true,
     .applies = has_block_scales,
     .weigh = in_another_unit<2, 1>},
    {.name = "P is multiplied by O's unit / V's scale, not by V's scale / O's unit",
     .tiled = true,
     .applies = has_block_scales,
     .weigh = P_with_inverse_scale},
    {.name = "Q is rotated, K is not", .applies = is_rotated, .fp8 = Fp8Mistake{.rotate_k = false}},
    {.name = "K is rotated, Q is not", .applies = is_rotated, .fp8 = Fp8Mistake{.rotate_q = false}},
    {.name = "V is rotated like Q and K, and O not rotated back",
     .applies = is_rotated,
     .fp8 = Fp8Mistake{.rotate_v = true}},
    {.name = "Q, K and V are in E5M2, not in E4M3",
     .applies = [](const Setting& s) { return is_fp8(s) && s.precision->format == DType::e4m3; },
     .fp8 = Fp8Mistake{.format = DType::e5m2}},
    {.name = "Q, K and V are in E4M3, not in E5M2",
     .applies = [](const Setting& s) { return is_fp8(s) && s.precision->format == DType::e5m2; },
     .fp8 = Fp8Mistake{.format = DType::e4m3}},
};

}  // namespace

std::span<const Mistake> mistakes_of_fp8() {
  return table;
}

}  // namespace flash

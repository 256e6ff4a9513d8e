#include "tile/cpu/simd/tensor_core.h"

#include <algorithm>
#include <cmath>

#include "tile/cpu/simd/simd.h"

namespace tile::cpu {
namespace {

// Stand for exponents; so do their sums, whichever two are added.
constexpr int of_zero = -1'000, of_infinity_or_nan = 10'000;
constexpr int least_of_sums = -100;  // what is less is cut off as if it had this exponent
constexpr int max_terms = 256;

VecInt integers(int x) {
  return x - VecInt{};
}

VecInt max(VecInt a, VecInt b) {
  return a > b ? a : b;
}

constexpr int least_exponent(DType dtype) {
  return dtype == DType::e4m3 ? -6 : dtype == DType::e5m2 ? -14 : -126;
}

// Subnormal numbers have the exponent of the least normal one.
VecInt exponents(Vec x, int least) {
  const VecInt magnitude = (VecInt)x & 0x7fffffff;
  const VecInt normal = max((magnitude >> 23) - 127, integers(least));
  const VecInt finite = magnitude == 0 ? integers(of_zero) : normal;
  return magnitude >= 0x7f800000 ? integers(of_infinity_or_nan) : finite;
}

Vec power_of_two(VecInt exponent) {
  return (Vec)((exponent + 127) << 23);
}

// A vector of rows of A: of each term, the numbers and their exponents.
struct LeftRows {
  const float* data;
  int stride;  // in floats, from term to term
  VecInt exponent[max_terms];

  Vec number(int term) const { return load(data + term * stride); }
};

// A fixed-point number, without the bits behind its point. Unsigned, as those of a NaN overflow.
using VecFixed = std::uint32_t __attribute__((vector_size(lanes * 4)));
VecFixed truncate(Vec x) {
  return (VecFixed) __builtin_convertvector(x, VecInt);
}

// One instruction: c + the products of the terms from `first` on.
Vec add_products(Vec c, const LeftRows& a, int first, const float* b, int least_of_b) {
  std::int32_t b_exponent[instruction_terms];
  for (int t = 0; t < instruction_terms; t += lanes) {
    const VecInt e = exponents(load(b + t), least_of_b);
    std::memcpy(b_exponent + t, &e, sizeof e);
  }
  VecInt largest = max(exponents(c, -126), integers(least_of_sums));
  for (int t = 0; t < instruction_terms; ++t)
    largest = max(largest, a.exponent[first + t] + b_exponent[t]);
  const VecInt finite = largest < 127 ? largest : integers(127);
  const Vec to_fixed = power_of_two(fraction_bits - finite);
  VecFixed sum = truncate(c * to_fixed);
  for (int t = 0; t < instruction_terms; ++t)
    sum += truncate(a.number(first + t) * b[t] * to_fixed);
  const Vec exact =
      __builtin_convertvector((VecInt)sum, Vec) * power_of_two(finite - fraction_bits);
  const Vec kept = (Vec)((VecInt)exact & -(1 << (23 - fraction_bits)));
  return largest > of_infinity_or_nan / 2 ? broadcast(NAN) : kept;
}

// c + the products of all terms. Promoted: those of 128 at a time are summed from zero.
Vec add_terms(Vec c, const LeftRows& a, int terms, const float* b, int least_of_b, Sums sums) {
  const bool promoted = sums == Sums::promoted;
  for (int begin = 0; begin < terms; begin += promoted_terms) {
    Vec sum = promoted ? Vec{} : c;
    const int end = std::min(begin + promoted_terms, terms);
    for (int t = begin; t < end; t += instruction_terms)
      sum = add_products(sum, a, t, b + t, least_of_b);
    c = promoted ? c + sum : sum;
  }
  return c;
}

}  // namespace

void multiply_ABt_in_tensor_core(const Product& p, DType of_a, const Fp32Rows& b, DType of_b,
                                 Sums sums) {
  const int panel = panel_rows(p.rows);
  for (int row = 0; row < p.rows; row += lanes) {
    LeftRows a{p.a + index_in_tile(p.rows, p.terms, row, 0), panel, {}};
    for (int t = 0; t < p.terms; ++t) a.exponent[t] = exponents(a.number(t), least_exponent(of_a));
    for (int col = 0; col < p.cols; ++col) {
      float* to = p.c + index_in_tile(p.rows, p.cols, row, col);
      Vec c = p.update == Update::overwrite ? Vec{} : load(to);
      if (p.update == Update::rescale) c *= load(p.factor + row);
      store(to, add_terms(c, a, p.terms, b.data + col * b.stride, least_exponent(of_b), sums));
    }
  }
}

}  // namespace tile::cpu

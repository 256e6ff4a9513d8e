// How attention is quantised to FP8: what stage 05, its cost and its plain computation agree on.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "attention/random.h"
#include "tile/dtype.h"
#include "tile/math.h"

namespace flash {

// What can be chosen when stage 05 is compiled.
struct Fp8 {
  tile::DType format = tile::DType::e4m3;  // of Q, K and V; P is e4m3 always
  bool per_block = true;  // a scale for each tile; otherwise one for each head of a sequence
  bool rotate = true;     // Q and K
  tile::Sums sums = tile::Sums::fp32;  // of QKᵀ and PV

  auto operator<=>(const Fp8&) const = default;
};

// P = 2^(S - m) is at most 1; times this it uses e4m3's range, and 1 is still exact.
// (FlashAttention-3 adds log2 of it, 8, to the exponent.)
inline constexpr float P_factor = 256;

// The signs of the rotation, the same for Q and K.
inline constexpr tile::Signs rotation_signs = {random_bits(5, 0), random_bits(5, 1),
                                               random_bits(5, 2), random_bits(5, 3)};

// The Hadamard matrix has a power of two of columns; those past the head dimension are zeros.
template <std::signed_integral T>
constexpr T rotated_dim(T head_dim) {
  return static_cast<T>(std::bit_ceil(static_cast<std::make_unsigned_t<T>>(head_dim)));
}

// From a column of V to the next where V is transposed: TMA wants a multiple of 16 bytes.
constexpr std::int64_t V8_stride(std::int64_t keys) {
  return (keys + 15) / 16 * 16;
}

constexpr float largest_finite(tile::DType format) {
  return format == tile::DType::e5m2 ? 57344.0f : 448.0f;
}

// The scale of a block whose largest magnitude is this: the least power of two that brings it into
// the format's range, as the scales of OCP's MX formats are. Dividing by a power of two rounds
// nothing, so a scale can move from V into P and O exactly. At least 2^-126, so that its inverse is
// finite, for a block of zeros too; infinite if the block holds an infinity, whose elements then
// become NaN.
constexpr float block_scale(float largest, tile::DType format) {
  const auto bits = std::bit_cast<std::uint32_t>(largest / largest_finite(format));
  return std::max(std::bit_cast<float>((bits + 0x7fffffu) & 0x7f800000u), 0x1p-126f);
}

}  // namespace flash

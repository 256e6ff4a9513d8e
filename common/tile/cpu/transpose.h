// Transposition of a square of lanes x lanes floats, between row order in HBM and columns on chip.
#pragma once

#include <cstddef>
#include <utility>

#include "tile/cpu/simd.h"

namespace tile::cpu {

// Elements of a and b in turn: from the lower half of both, or from the upper.
template <bool Upper, int... I>
inline Vec interleave(Vec a, Vec b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (I / 2 + (I % 2) * lanes + Upper * lanes / 2)...);
}

// to[c * to_stride + r] = from[r * from_stride + c] for r, c < lanes.
//
// Interleaving row i with row i + lanes / 2 turns the index (row, column) by one bit; log2(lanes)
// turns exchange the two.
inline void transpose(float* to, std::ptrdiff_t to_stride, const float* from,
                      std::ptrdiff_t from_stride) {
  constexpr auto order = std::make_integer_sequence<int, lanes>();
  Vec rows[lanes], turned[lanes];
  for (int i = 0; i < lanes; ++i) rows[i] = load(from + i * from_stride);
  for (int turn = 1; turn < lanes; turn *= 2) {
    for (int i = 0; i < lanes / 2; ++i) {
      turned[2 * i] = interleave<false>(rows[i], rows[i + lanes / 2], order);
      turned[2 * i + 1] = interleave<true>(rows[i], rows[i + lanes / 2], order);
    }
    for (int i = 0; i < lanes; ++i) rows[i] = turned[i];
  }
  for (int i = 0; i < lanes; ++i) store(to + i * to_stride, rows[i]);
}

}  // namespace tile::cpu

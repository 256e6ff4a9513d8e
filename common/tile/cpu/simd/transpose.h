// Transposition between row order in HBM and columns on chip.
#pragma once

#include <cstddef>
#include <utility>

#include "tile/cpu/simd/simd.h"

namespace tile::cpu {

// Elements of a and b in turn: from the lower half of both, or from the upper.
template <bool Upper, int... I>
inline Vec interleave(Vec a, Vec b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (I / 2 + (I % 2) * lanes + Upper * lanes / 2)...);
}

// The same half of a and of b, side by side.
template <int Half, int... I>
inline Vec join_halves(Vec a, Vec b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b,
                                 (I % (lanes / 2) + Half * lanes / 2 + I / (lanes / 2) * lanes)...);
}

// Number the elements of the vectors in binary. Interleaving vector i with vector i + Count / 2
// rotates the number of every element to the left by a bit; this does so `Turns` times.
template <int Turns, int Count>
inline void rotate_index(Vec (&v)[Count]) {
  constexpr auto order = std::make_integer_sequence<int, lanes>();
  TILE_UNROLL
  for (int turn = 0; turn < Turns; ++turn) {
    Vec turned[Count];
    TILE_UNROLL
    for (int i = 0; i < Count / 2; ++i) {
      turned[2 * i] = interleave<false>(v[i], v[i + Count / 2], order);
      turned[2 * i + 1] = interleave<true>(v[i], v[i + Count / 2], order);
    }
    TILE_UNROLL
    for (int i = 0; i < Count; ++i) v[i] = turned[i];
  }
}

constexpr int log2(int power_of_two) {
  return power_of_two == 1 ? 0 : 1 + log2(power_of_two / 2);
}

// to[c * to_stride + r] = from[r * from_stride + c] for r, c < lanes.
inline void transpose(float* to, std::ptrdiff_t to_stride, const float* from,
                      std::ptrdiff_t from_stride) {
  Vec rows[lanes];
  for (int i = 0; i < lanes; ++i) rows[i] = load(from + i * from_stride);
  rotate_index<log2(lanes)>(rows);
  for (int i = 0; i < lanes; ++i) store(to + i * to_stride, rows[i]);
}

// `lanes` columns of a strip of a tile, from rows into columns of `rows` elements ...
inline void rows_to_columns(float* tile, int rows, const float* from, std::ptrdiff_t from_stride) {
  if (rows >= lanes) return transpose(tile, rows, from, from_stride);
  Vec v[lanes / 2];  // two columns in each
  for (int i = 0; i < lanes / 2; ++i) v[i] = load(from + i * from_stride);
  rotate_index<log2(lanes / 2)>(v);
  for (int i = 0; i < lanes / 2; ++i) store(tile + i * lanes, v[i]);
}

// ... and back.
inline void columns_to_rows(float* to, std::ptrdiff_t to_stride, const float* tile, int rows) {
  if (rows >= lanes) return transpose(to, to_stride, tile, rows);
  Vec v[lanes / 2];
  for (int i = 0; i < lanes / 2; ++i) v[i] = load(tile + i * lanes);
  rotate_index<log2(lanes)>(v);
  for (int i = 0; i < lanes / 2; ++i) store(to + i * to_stride, v[i]);
}

// Sums of two lanes each, `Half` apart: of a in the lanes without that bit, of b in the others.
template <int Half, int... I>
inline Vec add_halves(Vec a, Vec b, std::integer_sequence<int, I...>) {
  constexpr VecInt of_b = {(I & Half ? -1 : 0)...};
  return (of_b ? b : a) +
         __builtin_shufflevector(a, b, (I & Half ? (I ^ Half) + lanes : I ^ Half)...);
}

// The sums over the lanes of each vector: that of v[i] in lane i.
template <int Half = lanes / 2>
inline Vec sums_of_lanes(Vec (&v)[lanes]) {
  if constexpr (Half > 0) {
    constexpr auto order = std::make_integer_sequence<int, lanes>();
    TILE_UNROLL
    for (int i = 0; i < Half; ++i) v[i] = add_halves<Half>(v[i], v[i + Half], order);
    return sums_of_lanes<Half / 2>(v);
  }
  return v[0];
}

}  // namespace tile::cpu

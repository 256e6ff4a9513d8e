// Rotation of a tile's columns by random signs and a Hadamard matrix.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "tile/cpu/rows.h"

namespace tile {

// A sign for each column: bit c % 64 of word c / 64 is set where column c is negated.
using Signs = std::array<std::uint64_t, 4>;

}  // namespace tile

namespace tile::cpu {

// The columns c and c + half of each pair become their sum and difference.
template <int Cols>
inline void butterfly(Vec (&x)[Cols], int columns, int half) {
  for (int first = 0; first < columns; first += 2 * half) {
    for (int c = first; c < first + half; ++c) {
      const Vec a = x[c], b = x[c + half];
      x[c] = a + b;
      x[c + half] = a - b;
    }
  }
}

// The first `columns` of the tile times diag(signs) H / sqrt(columns), with H the Hadamard matrix
// of Sylvester: an orthogonal matrix, so the products of two rotated rows are those of the rows.
// `columns` is a power of two. Takes columns log2(columns) additions a row: the fast
// Walsh-Hadamard transform.
template <int Rows, int Cols>
void hadamard(const ColumnTile<Rows, Cols>& tile, int columns, const Signs& signs) {
  static_assert(Rows % lanes == 0 && Cols <= 256);
  reads("hadamard", tile);
  writes("hadamard", tile);
  tile.block->require_inside(tile.name, "columns", 0, columns, Cols);
  if (!std::has_single_bit(static_cast<unsigned>(columns)))
    tile.block->fail("hadamard of " + std::to_string(columns) + " columns, not a power of two");
  const int steps = std::countr_zero(static_cast<unsigned>(columns));
  tile.block->counters().flops += std::int64_t{Rows} * columns * (steps + 1);  // 1 for the factor
  const float factor = 1 / std::sqrt(static_cast<float>(columns));
  for (int r = 0; r < Rows; r += lanes) {
    Vec x[Cols];
    for (int c = 0; c < columns; ++c)
      x[c] = load(tile.data + c * Rows + r) * (signs[c / 64] >> c % 64 & 1 ? -factor : factor);
    for (int half = 1; half < columns; half *= 2) butterfly(x, columns, half);
    for (int c = 0; c < columns; ++c) store(tile.data + c * Rows + r, x[c]);
  }
}

}  // namespace tile::cpu

// Operations on the rows of a tile: vertical in the SIMD lanes, so none of them shuffles.
#pragma once

#include <cmath>

#include "tile/cpu/tiles.h"

namespace tile::cpu {

template <int Rows, int Cols>
using ColumnTile = TileView<Rows, Cols, Order::columns>;

// Calls f(i, r) for each vector of a tile: it begins at element i, in row r.
template <int Rows, int Cols, class F>
inline void for_each_vector(const ColumnTile<Rows, Cols>&, F f) {
  static_assert(Rows % lanes == 0, "rows fill whole vectors");
  for (int c = 0; c < Cols; ++c) {
    TILE_UNROLL
    for (int r = 0; r < Rows; r += lanes) f(c * Rows + r, r);
  }
}

// One number a row: f over the columns, from `first`. The row blocks stay in registers.
template <int Rows, int Cols, class F>
inline void reduce_columns(float* result, const ColumnTile<Rows, Cols>& tile, float first, F f) {
  constexpr int vectors = vector_block;
  static_assert(Rows % (vectors * lanes) == 0, "rows fill whole register blocks");
  for (int r = 0; r < Rows; r += vectors * lanes) {
    Vec value[vectors];
    TILE_UNROLL
    for (int i = 0; i < vectors; ++i) value[i] = broadcast(first);
    for (int c = 0; c < Cols; ++c) {
      TILE_UNROLL
      for (int i = 0; i < vectors; ++i)
        value[i] = f(value[i], load(tile.data + c * Rows + r + i * lanes));
    }
    TILE_UNROLL
    for (int i = 0; i < vectors; ++i)
      store(result + r + i * lanes, f(load(result + r + i * lanes), value[i]));
  }
}

template <int Rows, int Cols>
void fill(const ColumnTile<Rows, Cols>& tile, float value) {
  std::fill_n(tile.data, Rows * Cols, value);
}

template <int Rows, int Cols>
void copy(const ColumnTile<Rows, Cols>& to, const ColumnTile<Rows, Cols>& from) {
  require_written("copy", from);
  std::copy_n(from.data, Rows * Cols, to.data);
}

// tile *= factor
template <int Rows, int Cols>
void scale(const ColumnTile<Rows, Cols>& tile, float factor) {
  require_written("scale", tile);
  for_each_vector(tile, [&](int i, int) { store(tile.data + i, load(tile.data + i) * factor); });
}

// row_max = max(row_max, largest element of each row of S)
template <int Rows, int Cols>
void update_row_max(const ColumnTile<Rows, 1>& row_max, const ColumnTile<Rows, Cols>& S) {
  require_written("update_row_max", row_max);
  require_written("update_row_max", S);
  reduce_columns(row_max.data, S, -INFINITY, [](Vec a, Vec b) { return max(b, a); });
}

// row_sum += sum of each row of P
template <int Rows, int Cols>
void add_row_sum(const ColumnTile<Rows, 1>& row_sum, const ColumnTile<Rows, Cols>& P) {
  require_written("add_row_sum", row_sum);
  require_written("add_row_sum", P);
  reduce_columns(row_sum.data, P, 0, [](Vec a, Vec b) { return a + b; });
}

// tile = 2^((tile - row) * factor), factor > 0. A row of -inf, which has seen no key, counts as 0:
// -inf minus it stays -inf, and the result 0.
template <int Rows, int Cols>
void exp2_difference(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row,
                     float factor) {
  require_written("exp2_difference", tile);
  require_written("exp2_difference", row);
  tile.block->counters().exponentials += Rows * Cols;
  alignas(64) float shift[Rows];
  for (int r = 0; r < Rows; ++r) shift[r] = row.data[r] == -INFINITY ? 0 : row.data[r] * factor;
  for (int i = 0; i < Rows * Cols; i += vector_block * lanes) {
    Vec x[vector_block];
    TILE_UNROLL
    for (int v = 0; v < vector_block; ++v) {
      const int at = i + v * lanes;
      x[v] = load(tile.data + at) * factor - load(shift + at % Rows);
    }
    exp2(x);
    TILE_UNROLL
    for (int v = 0; v < vector_block; ++v) store(tile.data + i + v * lanes, x[v]);
  }
}

// The same for row statistics, where the subtraction comes first: a maximum that has not moved
// gives exactly 1. Above, the rounding of row * factor would leave 1 + 5e-6 at a score of 110, and
// the factors of all key tiles multiply.
template <int Rows>
void exp2_difference(const ColumnTile<Rows, 1>& old_row, const ColumnTile<Rows, 1>& row,
                     float factor) {
  require_written("exp2_difference", old_row);
  require_written("exp2_difference", row);
  old_row.block->counters().exponentials += Rows;
  for (int r = 0; r < Rows; r += lanes) {
    const Vec top = load(row.data + r);
    const Vec shift = top == broadcast(-INFINITY) ? Vec{} : top;
    store(old_row.data + r, exp2((load(old_row.data + r) - shift) * factor));
  }
}

// tile = e^(tile - row)
template <int Rows, int Cols>
void exp_difference(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row) {
  exp2_difference(tile, row, 1.44269504f);  // log2(e)
}

// tile *= row, each row by its own factor
template <int Rows, int Cols>
void multiply_rows(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row) {
  require_written("multiply_rows", tile);
  require_written("multiply_rows", row);
  alignas(64) float factor[Rows];  // a copy: stores to the tile cannot change it
  std::copy_n(row.data, Rows, factor);
  for_each_vector(
      tile, [&](int i, int r) { store(tile.data + i, load(tile.data + i) * load(factor + r)); });
}

// tile /= row, each row by its own divisor; a row divided by 0, which has seen no key, becomes 0.
template <int Rows, int Cols>
void divide_rows(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row) {
  require_written("divide_rows", tile);
  require_written("divide_rows", row);
  alignas(64) float inverse[Rows];
  for (int r = 0; r < Rows; ++r) inverse[r] = row.data[r] == 0 ? 0 : 1 / row.data[r];
  for_each_vector(
      tile, [&](int i, int r) { store(tile.data + i, load(tile.data + i) * load(inverse + r)); });
}

// lse = factor * row_max + ln(row_sum), natural logarithm; -inf for a row that has seen no key.
template <int Rows>
void log_sum_exp(const ColumnTile<Rows, 1>& lse, const ColumnTile<Rows, 1>& row_max,
                 const ColumnTile<Rows, 1>& row_sum, float factor = 1) {
  require_written("log_sum_exp", row_max);
  require_written("log_sum_exp", row_sum);
  for (int r = 0; r < Rows; ++r) lse.data[r] = factor * row_max.data[r] + std::log(row_sum.data[r]);
}

// Hides the columns from `end` on: the keys past the end of the sequence.
template <int Rows, int Cols>
void mask_end(const ColumnTile<Rows, Cols>& S, std::int64_t end) {
  require_written("mask_end", S);
  const auto first = static_cast<int>(std::clamp<std::int64_t>(end, 0, Cols));
  std::fill(S.data + first * Rows, S.data + Cols * Rows, -INFINITY);
}

// Hides from row r the columns past r + diagonal.
template <int Rows, int Cols>
void mask_causal(const ColumnTile<Rows, Cols>& S, std::int64_t diagonal) {
  require_written("mask_causal", S);
  for (int c = 0; c < Cols; ++c) {
    const auto hidden = static_cast<int>(std::clamp<std::int64_t>(c - diagonal, 0, Rows));
    std::fill_n(S.data + c * Rows, hidden, -INFINITY);
  }
}

}  // namespace tile::cpu

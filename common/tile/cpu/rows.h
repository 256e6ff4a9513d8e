// Operations on the rows of a tile: vertical in the SIMD lanes, so none of them shuffles.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "tile/cpu/simd/narrow.h"
#include "tile/cpu/tiles.h"

namespace tile::cpu {

template <int Rows, int Cols>
using ColumnTile = TileView<Rows, Cols, Order::columns>;

// After this many elements of a tile the rows begin again at a vector's first lane. A tile of fewer
// rows than lanes has several columns in each vector.
template <int Rows>
inline constexpr int lane_period = std::max(Rows, lanes);

// A number for each row, for every lane of a period.
template <int Rows>
struct RowBroadcast {
  template <class F = std::identity>
  explicit RowBroadcast(const float* row, F f = {}) {
    static_assert(lane_period<Rows> % Rows == 0 && lane_period<Rows> % lanes == 0,
                  "rows fill whole vectors");
    for (int r = 0; r < lane_period<Rows>; ++r) value[r] = f(row[r % Rows]);
  }
  // What belongs to the vector of a tile that begins at element i.
  Vec at(int i) const { return load(value + i % lane_period<Rows>); }

  alignas(64) float value[lane_period<Rows>];
};

// Calls f(i) for each vector of a tile: it begins at element i. A row vector of few rows fills a
// part of one; every tile's memory ends with a whole vector.
template <int Rows, int Cols, class F>
inline void for_each_vector(const ColumnTile<Rows, Cols>&, F f) {
  static_assert(Rows * Cols % lane_period<Rows> == 0 || Cols == 1);
  for (int first = 0; first < Rows * Cols; first += lane_period<Rows>) {
    TILE_UNROLL
    for (int i = 0; i < lane_period<Rows>; i += lanes) f(first + i);
  }
}

// f over the lanes of each row, where a vector has several columns.
template <int Rows, class F>
inline Vec reduce_lanes(Vec value, F f) {
  if constexpr (Rows < lanes) {
    static_assert(2 * Rows == lanes, "a vector has at most two columns");
    value = f(
        value, [&]<int... I>(std::integer_sequence<int, I...>) {
          return __builtin_shufflevector(value, value, ((I + Rows) % lanes)...);
        }(std::make_integer_sequence<int, lanes>()));
  }
  return value;
}

// One number a row: f over the columns, from `first`. The row blocks stay in registers; few rows
// take several columns at once, as each f waits for the one before.
template <int Rows, int Cols, class F>
inline void reduce_columns(float* result, const ColumnTile<Rows, Cols>& tile, float first, F f) {
  if constexpr (Cols == 1)
    return for_each_vector(
        tile, [&](int i) { store(result + i, f(load(result + i), load(tile.data + i))); });
  constexpr int vectors = std::min(vector_block, lane_period<Rows> / lanes);
  constexpr int chains = Rows * Cols % (vector_block * lanes) == 0 ? vector_block / vectors : 1;
  constexpr int step = chains * lane_period<Rows>;
  static_assert(lane_period<Rows> % (vectors * lanes) == 0, "rows fill whole register blocks");
  for (int r = 0; r < Rows; r += vectors * lanes) {
    Vec value[chains][vectors];
    TILE_UNROLL
    for (int i = 0; i < chains * vectors; ++i) value[i / vectors][i % vectors] = broadcast(first);
    for (int c = 0; c < Rows * Cols; c += step) {
      TILE_UNROLL
      for (int i = 0; i < chains * vectors; ++i) {
        Vec& x = value[i / vectors][i % vectors];
        x = f(x, load(tile.data + c + r + i / vectors * lane_period<Rows> + i % vectors * lanes));
      }
    }
    TILE_UNROLL
    for (int i = 0; i < vectors; ++i) {
      for (int chain = 1; chain < chains; ++chain) value[0][i] = f(value[0][i], value[chain][i]);
      float* to = result + r + i * lanes;
      store(to, f(load(to), reduce_lanes<Rows>(value[0][i], f)));
    }
  }
}

template <int Rows, int Cols>
void fill(const ColumnTile<Rows, Cols>& tile, float value) {
  writes("fill", tile);
  std::fill_n(tile.data, Rows * Cols, value);
}

template <int Rows, int Cols>
void copy(const ColumnTile<Rows, Cols>& to, const ColumnTile<Rows, Cols>& from) {
  reads("copy", from);
  writes("copy", to);
  std::copy_n(from.data, Rows * Cols, to.data);
}

// tile *= factor
template <int Rows, int Cols>
void scale(const ColumnTile<Rows, Cols>& tile, float factor) {
  reads("scale", tile);
  writes("scale", tile);
  for_each_vector(tile, [&](int i) { store(tile.data + i, load(tile.data + i) * factor); });
}

// tile += other
template <int Rows, int Cols>
void add(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, Cols>& other) {
  reads("add", tile);
  reads("add", other);
  writes("add", tile);
  for_each_vector(tile,
                  [&](int i) { store(tile.data + i, load(tile.data + i) + load(other.data + i)); });
}

// tile = factor tile, rounded to the type of a product's operands, as tensor cores take them.
template <int Rows, int Cols>
void round_operand(const ColumnTile<Rows, Cols>& tile, DType dtype, float factor = 1) {
  reads("round_operand", tile);
  writes("round_operand", tile);
  round_in_place(tile.data, dtype, factor, Rows * Cols);
}

// row_max = max(row_max, largest element of each row of S)
template <int Rows, int Cols>
void update_row_max(const ColumnTile<Rows, 1>& row_max, const ColumnTile<Rows, Cols>& S) {
  reads("update_row_max", row_max);
  reads("update_row_max", S);
  writes("update_row_max", row_max);
  reduce_columns(row_max.data, S, -INFINITY, [](Vec a, Vec b) { return max(b, a); });
}

// row_sum += sum of each row of P
template <int Rows, int Cols>
void add_row_sum(const ColumnTile<Rows, 1>& row_sum, const ColumnTile<Rows, Cols>& P) {
  reads("add_row_sum", row_sum);
  reads("add_row_sum", P);
  writes("add_row_sum", row_sum);
  reduce_columns(row_sum.data, P, 0, [](Vec a, Vec b) { return a + b; });
}

// tile = 2^((tile - row) * factor), factor > 0. A row of -inf, which has seen no key, counts as 0:
// -inf minus it stays -inf, and the result 0.
template <int Rows, int Cols>
void exp2_difference(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row,
                     float factor) {
  reads("exp2_difference", tile);
  reads("exp2_difference", row);
  writes("exp2_difference", tile);
  tile.block->counters().exponentials += Rows * Cols;
  const RowBroadcast<Rows> shift(row.data,
                                 [&](float x) { return x == -INFINITY ? 0 : x * factor; });
  static_assert(Rows * Cols % (vector_block * lanes) == 0);
  for (int i = 0; i < Rows * Cols; i += vector_block * lanes) {
    Vec x[vector_block];
    TILE_UNROLL
    for (int v = 0; v < vector_block; ++v) {
      const int at = i + v * lanes;
      x[v] = load(tile.data + at) * factor - shift.at(at);
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
  reads("exp2_difference", old_row);
  reads("exp2_difference", row);
  writes("exp2_difference", old_row);
  old_row.block->counters().exponentials += Rows;
  for_each_vector(old_row, [&](int r) {
    const Vec top = load(row.data + r);
    const Vec shift = top == broadcast(-INFINITY) ? Vec{} : top;
    store(old_row.data + r, exp2((load(old_row.data + r) - shift) * factor));
  });
}

// tile = e^(tile - row)
template <int Rows, int Cols>
void exp_difference(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row) {
  exp2_difference(tile, row, 1.44269504f);  // log2(e)
}

// tile *= row, each row by its own factor
template <int Rows, int Cols>
void multiply_rows(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row) {
  reads("multiply_rows", tile);
  reads("multiply_rows", row);
  writes("multiply_rows", tile);
  const RowBroadcast<Rows> factor(row.data);
  for_each_vector(tile, [&](int i) { store(tile.data + i, load(tile.data + i) * factor.at(i)); });
}

// tile /= row, each row by its own divisor; a row divided by 0, which has seen no key, becomes 0.
template <int Rows, int Cols>
void divide_rows(const ColumnTile<Rows, Cols>& tile, const ColumnTile<Rows, 1>& row) {
  reads("divide_rows", tile);
  reads("divide_rows", row);
  writes("divide_rows", tile);
  const RowBroadcast<Rows> divisor(row.data, [](float x) { return x == 0 ? INFINITY : x; });
  for_each_vector(tile, [&](int i) { store(tile.data + i, load(tile.data + i) / divisor.at(i)); });
}

// lse = factor * row_max + ln(row_sum), natural logarithm; -inf for a row that has seen no key.
template <int Rows>
void log_sum_exp(const ColumnTile<Rows, 1>& lse, const ColumnTile<Rows, 1>& row_max,
                 const ColumnTile<Rows, 1>& row_sum, float factor = 1) {
  reads("log_sum_exp", row_max);
  reads("log_sum_exp", row_sum);
  writes("log_sum_exp", lse);
  for (int r = 0; r < Rows; ++r) lse.data[r] = factor * row_max.data[r] + std::log(row_sum.data[r]);
}

// Hides the columns from `end` on: the keys past the end of the sequence.
template <int Rows, int Cols>
void mask_end(const ColumnTile<Rows, Cols>& S, std::int64_t end) {
  reads("mask_end", S);
  writes("mask_end", S);
  const auto first = static_cast<int>(std::clamp<std::int64_t>(end, 0, Cols));
  std::fill(S.data + first * Rows, S.data + Cols * Rows, -INFINITY);
}

// Hides from row r the columns past (first_row + r) / group + diagonal: a query has `group` rows.
template <int Rows, int Cols>
void mask_causal(const ColumnTile<Rows, Cols>& S, std::int64_t diagonal, std::int64_t group = 1,
                 std::int64_t first_row = 0) {
  reads("mask_causal", S);
  writes("mask_causal", S);
  for (int c = 0; c < Cols; ++c) {
    const std::int64_t first_that_sees = (c - diagonal) * group - first_row;
    const auto hidden = static_cast<int>(std::clamp<std::int64_t>(first_that_sees, 0, Rows));
    std::fill_n(S.data + c * Rows, hidden, -INFINITY);
  }
}

}  // namespace tile::cpu

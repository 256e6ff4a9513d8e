// Operations on the rows of a tile.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>

#include "tile/cpu/elements.h"

namespace tile::cpu {

// Calls f(first row, columns, rows) for each panel of a tile.
template <class Tile, class F>
void for_each_panel(Tile& tile, F f) {
  constexpr int rows = panel_rows(Tile::rows);
  for (int r = 0; r < Tile::rows; r += rows) f(r, tile.data + r * Tile::cols, rows);
}

// row_max = max(row_max, largest element of each row of S)
template <class Rows, class Tile>
void update_row_max(Rows& row_max, const Tile& S) {
  if constexpr (require_that_tiles_fit<is_rows_of<Rows, Tile>,
                                       "update_row_max(m, S): m is " + shape_of<Rows> + ", S is " +
                                           shape_of<Tile> +
                                           "; expected RowVector R x 1, Accumulator R x C">()) {
    begin(*S.block, on_elements<Tile>("update_row_max"), reads(row_max, S), writes(row_max));
    row_maxima(row_max.data, S.data, Tile::rows, Tile::cols);
  }
}

// row_sum += sum of each row of P
template <class Rows, class Tile>
void add_row_sum(Rows& row_sum, const Tile& P) {
  if constexpr (require_that_tiles_fit<is_rows_of<Rows, Tile>,
                                       "add_row_sum(l, P): l is " + shape_of<Rows> + ", P is " +
                                           shape_of<Tile> +
                                           "; expected RowVector R x 1, Accumulator R x C">()) {
    begin(*P.block, on_elements<Tile>("add_row_sum"),
          P.has_row_sums ? reads_as_they_are(row_sum, P) : reads(row_sum, P), writes(row_sum));
    if (P.has_row_sums && !P.block->checked()) return add(row_sum.data, P.row_sums, Tile::rows);
    row_sums(row_sum.data, P.data, Tile::rows, Tile::cols);
  }
}

// tile = 2^((tile - row) * factor), factor > 0. A row of -inf, which has seen no key, counts as 0:
// -inf minus it stays -inf, and the result 0. For row statistics a difference of 0 gives exactly 1.
template <class Tile, class Rows>
void exp2_difference(Tile& tile, const Rows& row, float factor) {
  if constexpr (require_that_tiles_fit<is_rows_of<Rows, Tile>,
                                       "exp2_difference(S, m): S is " + shape_of<Tile> + ", m is " +
                                           shape_of<Rows> +
                                           "; expected Accumulator R x C, RowVector R x 1">()) {
    begin(*tile.block, exponentials_of<Tile>("exp2_difference"), reads(tile, row), writes(tile));
    if constexpr (Tile::cols == 1)
      exp2_of_row_difference(tile.data, row.data, Tile::rows, factor);
    else if (tile.exponentials.wanted)
      tile.has_row_sums = tile.make_exponentials_in_pairs(row.data, factor);
    else
      tile.has_row_sums =
          exp2_of_difference(tile.data, Tile::rows, Tile::cols, row.data, factor, tile.row_sums);
  }
}

// tile = e^(tile - row)
template <class Tile, class Rows>
void exp_difference(Tile& tile, const Rows& row) {
  exp2_difference(tile, row, 1.44269504f);  // log2(e)
}

// tile *= row, each row by its own factor
template <class Tile, class Rows>
void multiply_rows(Tile& tile, const Rows& row) {
  if constexpr (require_that_tiles_fit<is_rows_of<Rows, Tile>,
                                       "multiply_rows(O, r): O is " + shape_of<Tile> + ", r is " +
                                           shape_of<Rows> +
                                           "; expected Accumulator R x C, RowVector R x 1">()) {
    begin(*tile.block, on_elements<Tile>("multiply_rows"), reads(tile, row), writes(tile));
    multiply_rows(tile.data, Tile::rows, Tile::cols, row.data);
  }
}

// tile /= row, each row by its own divisor; a row divided by 0, which has seen no key, becomes 0.
template <class Tile, class Rows>
void divide_rows(Tile& tile, const Rows& row) {
  if constexpr (require_that_tiles_fit<is_rows_of<Rows, Tile>,
                                       "divide_rows(O, l): O is " + shape_of<Tile> + ", l is " +
                                           shape_of<Rows> +
                                           "; expected Accumulator R x C, RowVector R x 1">()) {
    begin(*tile.block, on_elements<Tile>("divide_rows"), reads(tile, row), writes(tile));
    divide_rows(tile.data, Tile::rows, Tile::cols, row.data);
  }
}

// lse = factor * row_max + ln(row_sum), natural logarithm; -inf for a row that has seen no key.
template <class Lse, class Max, class Sum>
void log_sum_exp(Lse& lse, const Max& row_max, const Sum& row_sum, float factor = 1) {
  constexpr bool fit = is_rows_of<Lse, Max> && is_rows_of<Sum, Max> && is_rows_of<Max, Max>;
  if constexpr (require_that_tiles_fit<fit, "log_sum_exp(lse, m, l): lse is " + shape_of<Lse> +
                                                ", m is " + shape_of<Max> + ", l is " +
                                                shape_of<Sum> + "; expected three RowVectors">()) {
    begin(*lse.block, {.name = "log_sum_exp", .unit = Unit::exponential, .elements = Lse::rows},
          reads(row_max, row_sum), writes(lse));
    for (int r = 0; r < Lse::rows; ++r)
      lse.data[r] = factor * row_max.data[r] + std::log(row_sum.data[r]);
  }
}

// Hides the columns from `end` on: the keys past the end of the sequence.
template <class Tile>
void mask_end(Tile& S, std::int64_t end) {
  if constexpr (require_columns<Tile, "mask_end(S, n): S">()) {
    begin(*S.block, on_elements<Tile>("mask_end"), reads(S), writes(S));
    const auto first = static_cast<int>(std::clamp<std::int64_t>(end, 0, Tile::cols));
    for_each_panel(S, [&](int, float* columns, int rows) {
      std::fill(columns + first * rows, columns + Tile::cols * rows, -INFINITY);
    });
  }
}

// Hides from row r the columns past (first_row + r) / group + diagonal: a query has `group` rows.
template <class Tile>
void mask_causal(Tile& S, std::int64_t diagonal, std::int64_t group = 1,
                 std::int64_t first_row = 0) {
  if constexpr (require_columns<Tile, "mask_causal(S, d): S">()) {
    begin(*S.block, on_elements<Tile>("mask_causal"), reads(S), writes(S));
    for_each_panel(S, [&](int row, float* columns, int rows) {
      for (int c = 0; c < Tile::cols; ++c) {
        const std::int64_t first_that_sees = (c - diagonal) * group - first_row - row;
        std::fill_n(columns + c * rows, std::clamp<std::int64_t>(first_that_sees, 0, rows),
                    -INFINITY);
      }
    });
  }
}

// The largest magnitude in the tile. NaNs do not count; they stay in the tile.
template <class Tile>
float largest_magnitude(const Tile& tile) {
  if constexpr (require_columns<Tile, "largest_magnitude(t): t">()) {
    begin(*tile.block, on_elements<Tile>("largest_magnitude"), reads(tile), writes());
    return largest_magnitude(tile.data, Tile::rows * Tile::cols);
  }
}

// The first `columns` of the tile times diag(signs) H / sqrt(columns), with H the Hadamard matrix
// of Sylvester: an orthogonal matrix, so the products of two rotated rows are those of the rows.
// `columns` is a power of two. Takes columns log2(columns) additions a row, and as many products.
template <class Tile>
void hadamard(Tile& tile, int columns, const Signs& signs) {
  if constexpr (require_columns<Tile, "hadamard(t, n, signs): t">()) {
    Block& block = *tile.block;
    const auto size = static_cast<unsigned>(columns);
    if (columns > Tile::cols || !std::has_single_bit(size))
      block.fail("hadamard of " + std::to_string(columns) + " columns of tile " +
                 std::string(tile.name) + ", expected a power of two up to " +
                 std::to_string(Tile::cols));
    Op op = on_elements<Tile>("hadamard");
    op.flops = std::int64_t{Tile::rows} * columns * std::bit_width(size);
    begin(block, op, reads(tile), writes(tile));
    hadamard(tile.data, Tile::rows, Tile::cols, columns, signs);
  }
}

}  // namespace tile::cpu

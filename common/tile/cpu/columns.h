// What the backward pass needs beside the forward pass: statistics along the columns of a tile, and
// transposition.
#pragma once

#include "tile/cpu/elements.h"
#include "tile/cpu/memory.h"
#include "tile/cpu/rows.h"
#include "tile/cpu/simd/column_operations.h"

namespace tile::cpu {

// A number for each column of a tile.
template <int Cols>
struct ColumnVector {
  static_assert(Cols % 32 == 0 && Cols <= 128, "a column vector has 32, 64, 96 or 128 columns");
  static constexpr Text kind = "ColumnVector";
  static constexpr int rows = 1, cols = Cols, floats = Cols;
  static constexpr bool in_columns = true;

  ColumnVector(Block& owner, std::string_view label, Space space = Space::registers)
      : block(&owner), name(label), data(owner.allocate(label, space, Cols, 4, floats)) {}
  ColumnVector(const ColumnVector&) = delete;
  ColumnVector& operator=(const ColumnVector&) = delete;

  float element(int, int col) const { return data[col]; }
  const float* on_chip() const { return data; }

  Block* block;
  std::string_view name;
  float* data;
};

// The same in shared memory.
template <int Cols>
struct SharedVector : ColumnVector<Cols> {
  static constexpr Text kind = "SharedVector";
  SharedVector(Block& owner, std::string_view label)
      : ColumnVector<Cols>(owner, label, Space::shared) {}
};

// Whether `Of` is a tile in columns that a vector of `Cols` numbers belongs to.
template <int Cols, class Of>
inline constexpr bool has_columns = [] {
  if constexpr (ColumnTiled<Of>)
    return Of::cols == Cols && Of::rows >= 32;
  else
    return false;
}();

// Row statistics of the transposed tile; what lies past the end of the vector is zero, and dropped.
template <int Cols>
void load(ColumnVector<Cols>& tile, const HbmVector& hbm, std::int64_t row) {
  move_in(tile, hbm, row, begin_rows(Transfer::load, tile, hbm, row));
}

template <int Cols>
void store(const HbmVector& hbm, std::int64_t row, const ColumnVector<Cols>& tile) {
  const std::int64_t valid = begin_rows(Transfer::store, tile, hbm, row);
  for (int c = 0; c < valid; ++c) hbm[row + c] = tile.data[c];
}

// Loads the transpose of the part of the matrix that begins at (row, col).
template <class Tile>
void load_transposed(Tile& tile, const HbmMatrix& hbm, std::int64_t row, std::int64_t col) {
  if constexpr (require_columns<Tile, "load_transposed: the tile">()) {
    Block& block = *tile.block;
    const Overlap part =
        cover(block, Transfer::load, tile.name, hbm, row, col, Tile::cols, Tile::rows);
    begin(block, bytes_of(Transfer::load, hbm, part), reads(), overwrites(tile));
    read_transposed(tile.data, Tile::rows, Tile::cols, hbm, part);
    if constexpr (is<Tile, Operand>)
      round_to(tile.data, block.operand_type(), tile.data, 1, Tile::rows * Tile::cols);
  }
}

// tile = 2^((tile - column) * factor), factor > 0. A column of -inf counts as 0: what its mask has
// set to -inf gives 0.
template <class Tile, int Cols>
void exp2_difference(Tile& tile, const ColumnVector<Cols>& column, float factor) {
  if constexpr (require_that_tiles_fit<has_columns<Cols, Tile>,
                                       "exp2_difference(S, LSE): S is " + shape_of<Tile> +
                                           ", LSE is " + shape_of<ColumnVector<Cols>> +
                                           "; expected Accumulator R x C, ColumnVector 1 x C">()) {
    begin(*tile.block, exponentials_of<Tile>("exp2_difference"), reads(tile, column), writes(tile));
    exp2_of_column_difference(tile.data, Tile::rows, Tile::cols, column.data, factor);
  }
}

// tile -= column, from each column its own number
template <class Tile, int Cols>
void subtract_columns(Tile& tile, const ColumnVector<Cols>& column) {
  if constexpr (require_that_tiles_fit<has_columns<Cols, Tile>,
                                       "subtract_columns(dP, D): dP is " + shape_of<Tile> +
                                           ", D is " + shape_of<ColumnVector<Cols>> +
                                           "; expected Accumulator R x C, ColumnVector 1 x C">()) {
    begin(*tile.block, on_elements<Tile>("subtract_columns"), reads(tile, column), writes(tile));
    subtract_columns(tile.data, Tile::rows, Tile::cols, column.data);
  }
}

// tile /= column; a column divided by 0, which is of a query that has seen no key, becomes 0.
template <class Tile, int Cols>
void divide_columns(Tile& tile, const ColumnVector<Cols>& column) {
  if constexpr (require_that_tiles_fit<has_columns<Cols, Tile>,
                                       "divide_columns(P, l): P is " + shape_of<Tile> + ", l is " +
                                           shape_of<ColumnVector<Cols>> +
                                           "; expected Accumulator R x C, ColumnVector 1 x C">()) {
    begin(*tile.block, on_elements<Tile>("divide_columns"), reads(tile, column), writes(tile));
    divide_columns(tile.data, Tile::rows, Tile::cols, column.data);
  }
}

// tile -= row, from each row its own number
template <class Tile, class Rows>
void subtract_rows(Tile& tile, const Rows& row) {
  if constexpr (require_that_tiles_fit<is_rows_of<Rows, Tile>,
                                       "subtract_rows(dP, D): dP is " + shape_of<Tile> + ", D is " +
                                           shape_of<Rows> +
                                           "; expected Accumulator R x C, RowVector R x 1">()) {
    begin(*tile.block, on_elements<Tile>("subtract_rows"), reads(tile, row), writes(tile));
    subtract_rows(tile.data, Tile::rows, Tile::cols, row.data);
  }
}

// tile *= other, element by element
template <class Tile, class Other>
void multiply(Tile& tile, const Other& other) {
  if constexpr (require_that_tiles_fit<same_shape<Tile, Other>,
                                       "multiply(t, u): t is " + shape_of<Tile> + ", u is " +
                                           shape_of<Other> + "; expected one shape">()) {
    begin(*tile.block, on_elements<Tile>("multiply"), reads(tile, other), writes(tile));
    multiply(tile.data, other.data, Tile::rows * Tile::cols);
  }
}

// to = the transpose of `from`, rounded to the type of operands: on a GPU by way of shared memory,
// where a LeftTile stays.
template <class To, class From>
void transpose(To& to, const From& from) {
  constexpr bool fit = is_left<To> && is<From, Accumulator> && is_matrix<To> && is_matrix<From>;
  if constexpr (require_that_tiles_fit<fit, "transpose(to, from): to is " + shape_of<To> +
                                                ", from is " + shape_of<From> +
                                                "; expected Operand C x R, Accumulator R x C">()) {
    static_assert(To::rows == From::cols && To::cols == From::rows);
    begin(*to.block, on_elements<To>("transpose"), reads(from), overwrites(to));
    transpose(to.data, from.data, From::rows, From::cols);
    round_to(to.data, to.block->operand_type(), to.data, 1, To::rows * To::cols);
  }
}

// D = the product of each row of `a` with that row of `b`: a number for each column of the tiles
// whose right operand a and b are.
template <int Cols, class A, class B>
void row_products(ColumnVector<Cols>& D, const A& a, const B& b) {
  constexpr bool fit = is<A, RightTile> && is<B, RightTile> && A::rows == Cols && B::rows == Cols &&
                       A::cols == B::cols;
  if constexpr (require_that_tiles_fit<
                    fit, "row_products(D, dO, O): D is " + shape_of<ColumnVector<Cols>> +
                             ", dO is " + shape_of<A> + ", O is " + shape_of<B> +
                             "; expected ColumnVector 1 x C, RightTiles C x d">()) {
    begin(*D.block,
          {.name = "row_products", .unit = Unit::fp32, .elements = std::int64_t{A::rows} * A::cols},
          reads_as_they_are(a, b), overwrites(D));
    row_products(D.data, a.fp32_rows(1, 1), b.fp32_rows(1, 1), Cols, A::cols);
  }
}

// Masks of transposed scores, whose rows are keys and whose columns are queries.

// Hides the rows from `end` on: the keys past the end of the sequence.
template <class Tile>
void mask_end_rows(Tile& S, std::int64_t end) {
  if constexpr (require_columns<Tile, "mask_end_rows(S, n): S">()) {
    begin(*S.block, on_elements<Tile>("mask_end_rows"), reads(S), writes(S));
    for_each_panel(S, [&](int row, float* columns, int rows) {
      const auto first = static_cast<int>(std::clamp<std::int64_t>(end - row, 0, rows));
      for (int c = 0; c < Tile::cols; ++c)
        std::fill(columns + c * rows + first, columns + (c + 1) * rows, -INFINITY);
    });
  }
}

// Hides from column c the rows past c + diagonal.
template <class Tile>
void mask_causal_rows(Tile& S, std::int64_t diagonal) {
  if constexpr (require_columns<Tile, "mask_causal_rows(S, d): S">()) {
    begin(*S.block, on_elements<Tile>("mask_causal_rows"), reads(S), writes(S));
    for_each_panel(S, [&](int row, float* columns, int rows) {
      for (int c = 0; c < Tile::cols; ++c) {
        const auto seen =
            static_cast<int>(std::clamp<std::int64_t>(c + diagonal + 1 - row, 0, rows));
        std::fill(columns + c * rows + seen, columns + (c + 1) * rows, -INFINITY);
      }
    });
  }
}

}  // namespace tile::cpu

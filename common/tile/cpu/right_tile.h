// The tile that products take as their right operand.
#pragma once

#include "tile/cpu/tiles.h"

namespace tile::cpu {

// A tile in row order: a copy of what HBM has, for broadcasting. `load` only notes where it lies.
// Rows that are fp32 are read in HBM by the products, and so are others by products of few rows,
// which convert as they go, and bf16 rows by a dot product of pairs, which takes FP8 as well. The
// first product that needs something else than HBM has makes it in `storage`. All of it counts as
// the same traffic. A kernel must not write what it has loaded while it still uses the tile: a
// GPU's tile keeps the old values, this one may not.
template <int Rows, int Cols>
struct RightTile {
  static constexpr Text kind = "RightTile";
  static_assert(Rows % 16 == 0 && Rows <= 256 && Cols % 16 == 0 && Cols <= 256,
                "a right tile has 16, 32 ... 256 rows and columns");
  static constexpr int rows = Rows, cols = Cols, row_stride = copied_row_stride(Cols);
  static constexpr int floats = Rows * row_stride;
  static constexpr bool in_columns = false;

  RightTile(Block& owner, std::string_view label)
      : block(&owner),
        name(label),
        storage(owner.allocate(label, Space::shared, Rows * Cols, owner.element_bytes(), floats)) {}
  RightTile(const RightTile&) = delete;
  RightTile& operator=(const RightTile&) = delete;

  const float* on_chip() const { return storage; }

  // The tile is this part of a tensor from now on, zeros past its end.
  void become(const HbmMatrix& matrix, const Overlap& covered) {
    hbm = matrix;
    part = covered;
    holds_nothing();
    if (block->checked()) convert();  // for the search for what nothing wrote
  }

  // Whether every row lies in HBM as it should be on chip, and may be read there.
  bool is_whole() const { return part.rows == Rows && part.cols == Cols; }

  // For a product that reads `together` rows side by side, `times` times.
  Fp32Rows fp32_rows(int together, int times) const {
    if (!fp32.data && is_whole() && hbm.dtype == DType::f32 &&
        part.row % hbm.page_rows + Rows <= hbm.page_rows &&
        !(times > 2 && rows_collide(together, hbm.row_stride)))
      fp32 = {reinterpret_cast<const float*>(hbm.at(part.row, part.col)), hbm.row_stride};
    if (!fp32.data) convert();
    return fp32;
  }

  void convert() const {
    holds_nothing();
    read_rows(storage, row_stride, Cols, hbm, part, Rows);
    fp32 = {storage, row_stride};
  }

  // For a product with the transposed tile that uses the first columns, 4 or more.
  RightPairs pairs_in_rows(int used_cols) const {
    const bool whole = hbm.dtype == DType::bf16 && part.rows == Rows &&
                       std::max((used_cols + 1) / 2 * 2, 4) <= part.cols;
    if (whole && part.row % hbm.page_rows + Rows <= hbm.page_rows)
      return cpu::pairs_in_rows(hbm, part);
    if (!in_rows.data) {
      holds_nothing();
      in_rows = copy_pairs_in_rows(storage, row_stride, Rows, Cols, hbm, part);
    }
    return in_rows;
  }

  RightPairs pairs_of_rows() const {
    if (!of_rows.data) {
      holds_nothing();
      of_rows = copy_pairs_of_rows(storage, row_stride, Rows, Cols, hbm, part);
    }
    return of_rows;
  }

  // Of what is in `storage`, or in HBM, only one is known at a time.
  void holds_nothing() const {
    fp32 = {};
    in_rows = of_rows = {};
  }

  // The tile that lies behind this one in HBM, most likely loaded next: there if it is whole.
  NextTile next() const {
    const std::int64_t first = part.row + Rows;
    if (first + Rows > hbm.rows) return {};
    const auto bytes = size_in_bytes(hbm.dtype);
    return {hbm.at(first, part.col), hbm.row_stride * bytes, Rows, part.cols * bytes};
  }

  Block* block;
  std::string_view name;
  float* storage;
  HbmMatrix hbm = {};
  Overlap part = {};
  // What products take: none yet if null.
  mutable Fp32Rows fp32 = {};
  mutable RightPairs in_rows = {}, of_rows = {};
};

}  // namespace tile::cpu

// load and store: the only ways between HBM and the chip, and where traffic is counted.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "tile/cpu/simd/narrow.h"
#include "tile/cpu/simd/transpose.h"
#include "tile/cpu/simd/widen.h"
#include "tile/cpu/tiles.h"
#include "tile/hbm.h"

namespace tile::cpu {

// The part of an HBM matrix that a tile at (row, col) covers; none of it past the matrix's end.
struct Overlap {
  std::int64_t row, col;
  int rows, cols;
};

template <class Matrix>
Overlap overlap(const Matrix& hbm, std::int64_t row, std::int64_t col, int rows, int cols) {
  const auto left = [](std::int64_t size, std::int64_t first, int most) {
    return static_cast<int>(std::clamp<std::int64_t>(size - first, 0, most));
  };
  return {row, col, left(hbm.rows, row, rows), left(hbm.cols, col, cols)};
}

// A transfer has to begin inside the tensor; its tail may reach past the end. A load may also begin
// just there, which reads nothing: a sequence can be empty. An asynchronous load may begin further
// on, as TMA allows.
inline void require_inside(const Block& block, std::string_view operation, std::string_view tile,
                           Tensor tensor, std::string_view axis, std::int64_t first,
                           std::int64_t size) {
  const std::int64_t most = operation == "load" ? size : size - 1;
  if (first >= 0 && (first <= most || operation == "load_async")) return;
  block.fail(std::string(operation) + " of tile " + std::string(tile) + " begins at " +
             std::string(axis) + " " + std::to_string(first) + ", outside the " +
             std::to_string(size) + " of tensor " + std::string(name(tensor)));
}

// The part of `hbm` that the tile moves, counted: `rows` and `cols` from (row, col) on.
template <int Rows, int Cols, Order Layout, class Matrix>
Overlap transfer(std::string_view operation, const TileView<Rows, Cols, Layout>& tile,
                 const Matrix& hbm, std::int64_t row, std::int64_t col, int rows = Rows,
                 int cols = Cols) {
  require_inside(*tile.block, operation, tile.name, hbm.tensor, "row", row, hbm.rows);
  require_inside(*tile.block, operation, tile.name, hbm.tensor, "column", col, hbm.cols);
  const Overlap part = overlap(hbm, row, col, rows, cols);
  Counters& counters = tile.block->counters();
  (operation == "store" ? counters.hbm_write : counters.hbm_read)[hbm.tensor] +=
      std::int64_t{part.rows} * part.cols * size_in_bytes(hbm.dtype);
  return part;
}

// The same for row statistics: how many rows.
template <int Rows, class Vector>
std::int64_t transfer(std::string_view operation, const TileView<Rows, 1, Order::columns>& tile,
                      const Vector& hbm, std::int64_t row) {
  require_inside(*tile.block, operation, tile.name, hbm.tensor, "row", row, hbm.rows);
  const std::int64_t valid = std::min<std::int64_t>(Rows, hbm.rows - row);
  Counters& counters = tile.block->counters();
  (operation == "store" ? counters.hbm_write : counters.hbm_read)[hbm.tensor] += valid * 4;
  return valid;
}

// Reads the rows of `part` into fp32 rows of `Cols`, zeros where it ends before `rows` and Cols.
template <int Cols>
void read_rows(float* to, const HbmMatrix& hbm, Overlap part, int rows) {
  with_type(hbm.dtype, [&](auto type) {
    for (int r = 0; r < rows; ++r, to += Cols) {
      const int valid = r < part.rows ? part.cols : 0;
      if (valid > 0) {
        const auto* from = hbm.row<decltype(type)>(part.row + r) + part.col;
        if (valid == Cols)
          widen<Cols>(to, from);
        else
          for (int c = 0; c < valid; ++c) to[c] = to_float(from[c]);
      }
      std::fill(to + valid, to + Cols, 0.0f);
    }
  });
}

// Fills the tile with this part of the tensor, and with zeros past it.
template <int Rows, int Cols>
void move_in(const TileView<Rows, Cols, Order::rows>& tile, const HbmMatrix& hbm, Overlap part) {
  const bool as_it_lies = hbm.dtype == DType::f32 && part.rows == Rows && part.cols == Cols;
  if (as_it_lies && Rows == tile.tile_rows && !tile.block->checked()) {
    *tile.source = {hbm.row<float>(part.row) + part.col, hbm.row_stride};
  } else {
    read_rows<Cols>(tile.storage + tile.first * Cols, hbm, part, Rows);
    *tile.source = {tile.storage, Cols};
  }
}

template <int Rows, int Cols, class Matrix>
void move_in(const TileView<Rows, Cols, Order::columns>& tile, const Matrix& hbm, Overlap part) {
  constexpr int height = strip_rows<Rows>;
  alignas(64) float strip[height * Cols];
  for (int r = 0; r < Rows; r += height) {
    read_rows<Cols>(strip, hbm, Overlap{part.row + r, part.col, part.rows - r, part.cols}, height);
    for (int c = 0; c < Cols; c += lanes)
      rows_to_columns<Rows>(tile.data + c * Rows + r, strip + c, Cols);
  }
}

// Loads the tile whose first element is (row, col); what lies past the end of the tensor is zero.
template <int Rows, int Cols, Order Layout>
void load(const TileView<Rows, Cols, Layout>& tile, const HbmMatrix& hbm, std::int64_t row,
          std::int64_t col = 0) {
  const Overlap part = transfer("load", tile, hbm, row, col);
  writes("load", tile);
  move_in(tile, hbm, part);
}

// Stores the tile to (row, col); the part of it that lies past the end of the tensor is dropped.
template <int Rows, int Cols, class Matrix>
void store(const Matrix& hbm, std::int64_t row, std::int64_t col,
           const TileView<Rows, Cols, Order::columns>& tile) {
  const Overlap part = transfer("store", tile, hbm, row, col);
  reads("store", tile);
  constexpr int height = strip_rows<Rows>;
  alignas(64) float strip[height * Cols];
  for (int r = 0; r < part.rows; r += height) {
    for (int c = 0; c < part.cols; c += lanes)
      columns_to_rows<Rows>(strip + c, Cols, tile.data + c * Rows + r);
    for (int i = 0; i < std::min(height, part.rows - r); ++i)
      narrow(hbm.at(row + r + i, col), hbm.dtype, strip + i * Cols, part.cols);
  }
}

template <int Rows, int Cols, class Matrix>
void store(const Matrix& hbm, std::int64_t row, const TileView<Rows, Cols, Order::columns>& tile) {
  store(hbm, row, 0, tile);
}

// Row statistics; the rows past the end of the vector are zero, and dropped.
template <int Rows>
void load(const TileView<Rows, 1, Order::columns>& tile, const HbmVector& hbm, std::int64_t row) {
  const std::int64_t valid = transfer("load", tile, hbm, row);
  writes("load", tile);
  std::copy_n(hbm.data + row, valid, tile.data);
  std::fill(tile.data + valid, tile.data + Rows, 0.0f);
}

template <int Rows>
void store(const HbmVector& hbm, std::int64_t row, const TileView<Rows, 1, Order::columns>& tile) {
  const std::int64_t valid = transfer("store", tile, hbm, row);
  reads("store", tile);
  std::copy_n(tile.data, valid, hbm.data + row);
}

}  // namespace tile::cpu

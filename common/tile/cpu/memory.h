// load and store: the only ways between HBM and the chip, and where traffic is counted.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "tile/cpu/tiles.h"
#include "tile/cpu/transpose.h"
#include "tile/hbm.h"

namespace tile::cpu {

// The part of an HBM matrix that a tile at (row, col) covers; none of it past the matrix's end.
struct Overlap {
  std::int64_t row, col;
  int rows, cols;
};

inline Overlap overlap(const HbmMatrix& hbm, std::int64_t row, std::int64_t col, int rows,
                       int cols) {
  const auto left = [](std::int64_t size, std::int64_t first, int most) {
    return static_cast<int>(std::clamp<std::int64_t>(size - first, 0, most));
  };
  return {row, col, left(hbm.rows, row, rows), left(hbm.cols, col, cols)};
}

// A transfer has to begin inside the tensor; its tail may reach past the end. A load may also begin
// just there, which reads nothing: a sequence can be empty.
inline void require_inside(const Block& block, std::string_view operation, std::string_view tile,
                           Tensor tensor, std::string_view axis, std::int64_t first,
                           std::int64_t size) {
  const std::int64_t most = operation == "load" ? size : size - 1;
  if (first >= 0 && first <= most) return;
  block.fail(std::string(operation) + " of tile " + std::string(tile) + " begins at " +
             std::string(axis) + " " + std::to_string(first) + ", outside the " +
             std::to_string(size) + " of tensor " + std::string(name(tensor)));
}

// The part of `hbm` that the tile moves, counted.
template <int Rows, int Cols, Order Layout>
Overlap transfer(std::string_view operation, const TileView<Rows, Cols, Layout>& tile,
                 const HbmMatrix& hbm, std::int64_t row, std::int64_t col) {
  require_inside(*tile.block, operation, tile.name, hbm.tensor, "row", row, hbm.rows);
  require_inside(*tile.block, operation, tile.name, hbm.tensor, "column", col, hbm.cols);
  const Overlap part = overlap(hbm, row, col, Rows, Cols);
  Counters& counters = tile.block->counters();
  (operation == "load" ? counters.hbm_read : counters.hbm_write)[hbm.tensor] +=
      std::int64_t{part.rows} * part.cols * size_in_bytes(hbm.dtype);
  return part;
}

// The same for row statistics: how many rows.
template <int Rows>
std::int64_t transfer(std::string_view operation, const TileView<Rows, 1, Order::columns>& tile,
                      const HbmVector& hbm, std::int64_t row) {
  require_inside(*tile.block, operation, tile.name, hbm.tensor, "row", row, hbm.rows);
  const std::int64_t valid = std::min<std::int64_t>(Rows, hbm.rows - row);
  Counters& counters = tile.block->counters();
  (operation == "load" ? counters.hbm_read : counters.hbm_write)[hbm.tensor] += valid * 4;
  return valid;
}

template <int Count, class T>
void widen(float* to, const T* from) {
  if constexpr (std::is_same_v<T, float>) {
    std::memcpy(to, from, Count * sizeof(float));
  } else {
    for (int i = 0; i < Count; ++i) to[i] = to_float(from[i]);
  }
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

// Loads the tile whose first element is (row, col); what lies past the end of the tensor is zero.
template <int Rows, int Cols>
void load(const TileView<Rows, Cols, Order::rows>& tile, const HbmMatrix& hbm, std::int64_t row,
          std::int64_t col = 0) {
  const Overlap part = transfer("load", tile, hbm, row, col);
  const bool as_it_lies = hbm.dtype == DType::f32 && part.rows == Rows && part.cols == Cols;
  if (as_it_lies && Rows == tile.tile_rows && !tile.block->checked()) {
    *tile.source = {hbm.row<float>(row) + col, hbm.row_stride};
  } else {
    read_rows<Cols>(tile.storage + tile.first * Cols, hbm, part, Rows);
    *tile.source = {tile.storage, Cols};
  }
}

template <int Rows, int Cols>
void load(const TileView<Rows, Cols, Order::columns>& tile, const HbmMatrix& hbm, std::int64_t row,
          std::int64_t col = 0) {
  const Overlap part = transfer("load", tile, hbm, row, col);
  alignas(64) float strip[lanes * Cols];
  for (int r = 0; r < Rows; r += lanes) {
    read_rows<Cols>(strip, hbm, {row + r, col, part.rows - r, part.cols}, lanes);
    for (int c = 0; c < Cols; c += lanes)
      transpose(tile.data + c * Rows + r, Rows, strip + c, Cols);
  }
}

// Stores the tile to (row, col); the part of it that lies past the end of the tensor is dropped.
template <int Rows, int Cols>
void store(const HbmMatrix& hbm, std::int64_t row, std::int64_t col,
           const TileView<Rows, Cols, Order::columns>& tile) {
  const Overlap part = transfer("store", tile, hbm, row, col);
  require_written("store", tile);
  alignas(64) float strip[lanes * Cols];
  for (int r = 0; r < part.rows; r += lanes) {
    for (int c = 0; c < part.cols; c += lanes)
      transpose(strip + c, Cols, tile.data + c * Rows + r, Rows);
    with_type(hbm.dtype, [&](auto type) {
      for (int i = 0; i < std::min(lanes, part.rows - r); ++i) {
        auto* to = hbm.row<decltype(type)>(row + r + i) + col;
        for (int c = 0; c < part.cols; ++c) to[c] = from_float<decltype(type)>(strip[i * Cols + c]);
      }
    });
  }
}

template <int Rows, int Cols>
void store(const HbmMatrix& hbm, std::int64_t row,
           const TileView<Rows, Cols, Order::columns>& tile) {
  store(hbm, row, 0, tile);
}

// Row statistics; the rows past the end of the vector are zero, and dropped.
template <int Rows>
void load(const TileView<Rows, 1, Order::columns>& tile, const HbmVector& hbm, std::int64_t row) {
  const std::int64_t valid = transfer("load", tile, hbm, row);
  std::copy_n(hbm.data + row, valid, tile.data);
  std::fill(tile.data + valid, tile.data + Rows, 0.0f);
}

template <int Rows>
void store(const HbmVector& hbm, std::int64_t row, const TileView<Rows, 1, Order::columns>& tile) {
  const std::int64_t valid = transfer("store", tile, hbm, row);
  require_written("store", tile);
  std::copy_n(tile.data, valid, hbm.data + row);
}

}  // namespace tile::cpu

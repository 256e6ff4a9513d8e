// Tiles and row vectors of the CPU backend.
#pragma once

#include <cstring>
#include <string>

#include "tile/cpu/block.h"
#include "tile/cpu/simd.h"

namespace tile::cpu {

enum class Order : std::uint8_t {
  columns,  // element (r, c) at c * Rows + r: the rows of a column fill the SIMD lanes
  rows,     // element (r, c) at r * Cols + c: as it lies in HBM, for broadcasting
};

// Part or all of a tile [Rows, Cols]; fp32 in the CPU's memory whatever the tensor's type.
template <int Rows, int Cols, Order Layout>
struct TileView;

template <int Rows, int Cols>
struct TileView<Rows, Cols, Order::columns> {
  Block* block;
  std::string_view name;
  float* data;
};

template <int Rows, int Cols>
struct TileView<Rows, Cols, Order::rows> {
  Block* block;
  std::string_view name;
  float* storage;  // on chip, [Rows, Cols]

  // Where the elements are read: `storage`, or the tensor itself where load had nothing to convert.
  mutable const float* data = storage;
  mutable std::ptrdiff_t stride = Cols;  // from row to row
};

// A whole tile. It lives until its block ends.
template <int Rows, int Cols, Order Layout, Space Where>
struct Tile : TileView<Rows, Cols, Layout> {
  Tile(Block& owner, std::string_view label)
      : TileView<Rows, Cols, Layout>{&owner, label, owner.allocate(label, Where, Rows * Cols)} {}
  Tile(const Tile&) = delete;
  Tile& operator=(const Tile&) = delete;
};

// Rows `first` to `first + Count` of a tile whose rows are adjacent.
template <int Count, int Rows, int Cols>
TileView<Count, Cols, Order::rows> rows(const TileView<Rows, Cols, Order::rows>& tile, int first) {
  tile.block->require_inside(tile.name, "rows", first, Count, Rows);
  return {tile.block, tile.name, tile.storage + first * Cols, tile.data + first * tile.stride,
          tile.stride};
}

// Columns `first` to `first + Count` of a tile whose columns are adjacent.
template <int Count, int Rows, int Cols>
TileView<Rows, Count, Order::columns> columns(const TileView<Rows, Cols, Order::columns>& tile,
                                              int first) {
  tile.block->require_inside(tile.name, "columns", first, Count, Cols);
  return {tile.block, tile.name, tile.data + first * Rows};
}

// Checked mode: fails if `operation` is about to read an element that nothing wrote.
template <int Rows, int Cols, Order Layout>
void require_written(std::string_view operation, const TileView<Rows, Cols, Layout>& tile) {
  if (!tile.block->checked()) return;
  for (int i = 0; i < Rows * Cols; ++i) {
    if (std::bit_cast<std::uint32_t>(tile.data[i]) != unwritten) continue;
    const int row = Layout == Order::columns ? i % Rows : i / Cols;
    const int col = Layout == Order::columns ? i / Rows : i % Cols;
    tile.block->fail(std::string(operation) + " reads " + std::string(tile.name) + "[" +
                     std::to_string(row) + ", " + std::to_string(col) + "], which nothing wrote");
  }
}

}  // namespace tile::cpu

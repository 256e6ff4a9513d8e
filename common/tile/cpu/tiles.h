// Tiles and row vectors of the CPU backend.
#pragma once

#include <cstring>
#include <string>

#include "tile/cpu/block.h"
#include "tile/cpu/simd/simd.h"

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

// Where the elements of a tile in row order are read: on chip, or in the tensor itself if it holds
// fp32 rows, which need no conversion. Both count as the same traffic.
struct RowSource {
  const float* data;
  std::ptrdiff_t stride;  // from row to row
};

template <int Rows, int Cols>
struct TileView<Rows, Cols, Order::rows> {
  Block* block;
  std::string_view name;
  float* storage;     // on chip, of the whole tile
  RowSource* source;  // of the whole tile
  int first;          // row of the tile
  int tile_rows;

  const float* data() const { return source->data + first * source->stride; }
  std::ptrdiff_t stride() const { return source->stride; }
  bool lies_in_hbm() const { return source->data != storage; }
};

// A whole tile. It lives until its block ends.
template <int Rows, int Cols, Order Layout, Space Where>
struct Tile;

template <int Rows, int Cols, Space Where>
struct Tile<Rows, Cols, Order::columns, Where> : TileView<Rows, Cols, Order::columns> {
  Tile(Block& owner, std::string_view label)
      : TileView<Rows, Cols, Order::columns>{&owner, label,
                                             owner.allocate(label, Where, Rows * Cols)} {}
  Tile(const Tile&) = delete;
  Tile& operator=(const Tile&) = delete;
};

template <int Rows, int Cols, Space Where>
struct Tile<Rows, Cols, Order::rows, Where> : TileView<Rows, Cols, Order::rows> {
  Tile(Block& owner, std::string_view label)
      : TileView<Rows, Cols, Order::rows>{&owner, label, owner.allocate(label, Where, Rows * Cols),
                                          &own,   0,     Rows},
        own{this->storage, Cols} {}
  Tile(const Tile&) = delete;
  Tile& operator=(const Tile&) = delete;

  RowSource own;
};

// Rows `first` to `first + Count` of a tile whose rows are adjacent.
template <int Count, int Rows, int Cols>
TileView<Count, Cols, Order::rows> rows(const TileView<Rows, Cols, Order::rows>& tile, int first) {
  tile.block->require_inside(tile.name, "rows", first, Count, Rows);
  return {tile.block, tile.name, tile.storage, tile.source, tile.first + first, tile.tile_rows};
}

// Columns `first` to `first + Count` of a tile whose columns are adjacent.
template <int Count, int Rows, int Cols>
TileView<Rows, Count, Order::columns> columns(const TileView<Rows, Cols, Order::columns>& tile,
                                              int first) {
  tile.block->require_inside(tile.name, "columns", first, Count, Cols);
  return {tile.block, tile.name, tile.data + first * Rows};
}

template <int Rows, int Cols>
float element(const TileView<Rows, Cols, Order::columns>& tile, int row, int col) {
  return tile.data[col * Rows + row];
}

template <int Rows, int Cols>
float element(const TileView<Rows, Cols, Order::rows>& tile, int row, int col) {
  return tile.data()[row * tile.stride() + col];
}

// Where the tile lies on chip.
template <int Rows, int Cols>
const float* on_chip(const TileView<Rows, Cols, Order::columns>& tile) {
  return tile.data;
}

template <int Rows, int Cols>
const float* on_chip(const TileView<Rows, Cols, Order::rows>& tile) {
  return tile.storage;
}

// What a copy or a product in flight will write.
template <int Rows, int Cols>
void poison(const TileView<Rows, Cols, Order::columns>& tile) {
  std::fill_n(tile.data, Rows * Cols, std::bit_cast<float>(unwritten));
}

template <int Rows, int Cols>
void poison(const TileView<Rows, Cols, Order::rows>& tile) {
  std::fill_n(tile.storage + tile.first * Cols, Rows * Cols, std::bit_cast<float>(unwritten));
}

inline void require_no_hazard(const Block& block, const std::string& hazard) {
  if (!hazard.empty()) block.fail(hazard);
}

[[noreturn]] inline void fail_unwritten(const Block& block, std::string_view operation,
                                        std::string_view tile, int row, int col) {
  block.fail(std::string(operation) + " reads " + std::string(tile) + "[" + std::to_string(row) +
             ", " + std::to_string(col) + "], which nothing wrote");
}

// Every operation says which tiles it reads, and which it writes or changes, before it does so.
//
// Checked mode: fails if `operation` is about to read an element that nothing wrote, or if a
// barrier or a wait is missing before its access.
template <int Rows, int Cols, Order Layout>
void reads(std::string_view operation, const TileView<Rows, Cols, Layout>& tile) {
  Block& block = *tile.block;
  if (!block.checked()) return;
  require_no_hazard(block, block.race_detector().read(block.role(), operation, on_chip(tile)));
  for (int row = 0; row < Rows; ++row)
    for (int col = 0; col < Cols; ++col)
      if (std::bit_cast<std::uint32_t>(element(tile, row, col)) == unwritten)
        fail_unwritten(block, operation, tile.name, row, col);
}

template <int Rows, int Cols, Order Layout>
void writes(std::string_view operation, const TileView<Rows, Cols, Layout>& tile) {
  Block& block = *tile.block;
  if (!block.checked()) return;
  require_no_hazard(block, block.race_detector().write(block.role(), operation, on_chip(tile)));
}

}  // namespace tile::cpu

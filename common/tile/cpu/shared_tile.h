// A tile in shared memory that products take as either operand, as a GPU's tensor core can: in
// columns for the left one, in rows for the right. On chip it counts once.
#pragma once

#include <array>
#include <tuple>
#include <utility>

#include "tile/cpu/memory.h"
#include "tile/cpu/products.h"

namespace tile::cpu {

template <int Rows, int Cols, int Slices = 1>
struct SharedTile {
  static_assert(Cols % Slices == 0);
  static constexpr Text kind = "SharedTile";
  static constexpr int rows = Rows, cols = Cols, slice_cols = Cols / Slices;

  SharedTile(Block& owner, std::string_view label)
      : SharedTile(owner, label, std::make_index_sequence<Slices>()) {}

  Block* block;
  std::string_view name;
  LeftTile<Rows, Cols> left;
  std::array<RightTile<Rows, slice_cols>, Slices> right;

 private:
  template <std::size_t... I>
  SharedTile(Block& owner, std::string_view label, std::index_sequence<I...>)
      : block(&owner),
        name(label),
        left(owner, label, 0),
        right{(void(I), RightTile<Rows, slice_cols>(owner, label))...} {}
};

// The i-th slice of columns, as a right operand.
template <int Rows, int Cols, int Slices>
const auto& columns(const SharedTile<Rows, Cols, Slices>& tile, int i) {
  return tile.right[i];
}

// All that a transfer writes of a tile.
template <class Tile>
auto parts_of(Tile& tile) {
  return std::tie(tile);
}
template <int Rows, int Cols, int Slices>
auto parts_of(SharedTile<Rows, Cols, Slices>& tile) {
  return std::apply([&](auto&... slice) { return std::tie(tile.left, slice...); }, tile.right);
}

template <int Rows, int Cols, int Slices>
void move_in(SharedTile<Rows, Cols, Slices>& tile, const HbmMatrix& hbm, const Overlap& part) {
  constexpr int width = Cols / Slices;
  move_in(tile.left, hbm, part);
  Overlap slice = part;
  for (int i = 0; i < Slices; ++i) {
    slice.col = part.col + i * width;
    slice.cols = std::clamp(part.cols - i * width, 0, width);
    move_in(tile.right[i], hbm, slice);
  }
}

template <int Rows, int Cols, int Slices>
void load(SharedTile<Rows, Cols, Slices>& tile, const HbmMatrix& hbm, std::int64_t row,
          std::int64_t col = 0) {
  Block& block = *tile.block;
  const Overlap part = cover(block, Transfer::load, tile.name, hbm, row, col, Rows, Cols);
  std::apply(
      [&](auto&... parts) {
        begin(block, bytes_of(Transfer::load, hbm, part), reads(), overwrites(parts...));
      },
      parts_of(tile));
  move_in(tile, hbm, part);
}

template <class S, int Rows, int Cols, int Slices, class B>
void mma_ABt(S& s, const SharedTile<Rows, Cols, Slices>& a, const B& b) {
  mma_ABt(s, a.left, b);
}

template <class O, class A, int Rows, int Cols>
void mma_AB(O& o, const A& a, const SharedTile<Rows, Cols>& b) {
  mma_AB(o, a, b.right[0]);
}

}  // namespace tile::cpu

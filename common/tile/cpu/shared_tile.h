// A tile in shared memory that products take as either operand, as a GPU's tensor core can: in
// columns for the left one, in rows for the right. On chip it counts once.
#pragma once

#include "tile/cpu/memory.h"
#include "tile/cpu/products.h"

namespace tile::cpu {

template <int Rows, int Cols>
struct SharedTile {
  static constexpr Text kind = "SharedTile";
  static constexpr int rows = Rows, cols = Cols;

  SharedTile(Block& owner, std::string_view label)
      : block(&owner), name(label), right(owner, label), left(owner, label, 0) {}

  Block* block;
  std::string_view name;
  RightTile<Rows, Cols> right;
  LeftTile<Rows, Cols> left;
};

template <int Rows, int Cols>
void load(SharedTile<Rows, Cols>& tile, const HbmMatrix& hbm, std::int64_t row,
          std::int64_t col = 0) {
  Block& block = *tile.block;
  const Overlap part = cover(block, Transfer::load, tile.name, hbm, row, col, Rows, Cols);
  begin(block, bytes_of(Transfer::load, hbm, part), reads(), overwrites(tile.right, tile.left));
  move_in(tile.right, hbm, part);
  move_in(tile.left, hbm, part);
}

template <class S, int Rows, int Cols, class B>
void mma_ABt(S& s, const SharedTile<Rows, Cols>& a, const B& b) {
  mma_ABt(s, a.left, b);
}

template <class O, class A, int Rows, int Cols>
void mma_AB(O& o, const A& a, const SharedTile<Rows, Cols>& b) {
  mma_AB(o, a, b.right);
}

}  // namespace tile::cpu

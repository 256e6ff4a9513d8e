// A right operand that lies transposed in HBM. FP8 tensor cores take operands whose terms of the
// sum are adjacent, and no others; of P V that is V transposed.
#pragma once

#include "tile/cpu/async.h"

namespace tile::cpu {

// Stores the tile's transpose to (row, col); what lies past the end of the tensor is dropped.
template <int Rows, int Cols>
void store_transposed(const HbmMatrix& hbm, std::int64_t row, std::int64_t col,
                      const TileView<Rows, Cols, Order::columns>& tile) {
  const Overlap part = transfer("store", tile, hbm, row, col, Cols, Rows);
  reads("store_transposed", tile);
  for (int r = 0; r < part.rows; ++r)
    narrow(hbm.at(row + r, col), hbm.dtype, tile.data + r * Rows, part.cols);
}

// O = diag(factor) O + A Bᵀ.   A [Rows, Depth]   B [Cols, Depth]
template <int Rows, int Cols, int Depth>
void mma_ABt(const TileView<Rows, Cols, Order::columns>& O,
             const TileView<Rows, Depth, Order::columns>& A,
             const TileView<Cols, Depth, Order::rows>& B,
             const TileView<Rows, 1, Order::columns>& factor) {
  reads("mma_ABt", factor);
  multiply_by_rows_into<Update::rescale>(O, A, B, factor.data);
}

template <int Rows, int Cols, int Depth>
void mma_ABt_async(const TileView<Rows, Cols, Order::columns>& O,
                   const TileView<Rows, Depth, Order::columns>& A,
                   const TileView<Cols, Depth, Order::rows>& B,
                   const TileView<Rows, 1, Order::columns>& factor) {
  issue_product(O, A, B, false, [&] { mma_ABt(O, A, B, factor); });
}

}  // namespace tile::cpu

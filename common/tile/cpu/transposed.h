// A right operand that lies transposed in HBM. FP8 tensor cores take operands whose terms of the
// sum are adjacent, and no others; of P V that is V transposed.
#pragma once

#include <algorithm>

#include "tile/cpu/async.h"

namespace tile::cpu {

// Stores the tile's transpose to (row, col); what lies past the end of the tensor is dropped.
template <int Rows, int Cols>
void store_transposed(const HbmMatrix& hbm, std::int64_t row, std::int64_t col,
                      const TileView<Rows, Cols, Order::columns>& tile) {
  require_inside(*tile.block, "store", tile.name, hbm.tensor, "row", row, hbm.rows);
  require_inside(*tile.block, "store", tile.name, hbm.tensor, "column", col, hbm.cols);
  reads("store_transposed", tile);
  const Overlap part = overlap(hbm, row, col, Cols, Rows);
  tile.block->counters().hbm_write[hbm.tensor] +=
      std::int64_t{part.rows} * part.cols * size_in_bytes(hbm.dtype);
  with_type(hbm.dtype, [&](auto type) {
    for (int r = 0; r < part.rows; ++r) {
      const float* from = tile.data + r * Rows;
      auto* to = hbm.row<decltype(type)>(row + r) + col;
      for (int c = 0; c < part.cols; ++c) to[c] = from_float<decltype(type)>(from[c]);
    }
  });
}

// O = diag(factor) O + A Bᵀ.   A [Rows, Depth]   B [Cols, Depth]
template <int Rows, int Cols, int Depth>
void mma_ABt(const TileView<Rows, Cols, Order::columns>& O,
             const TileView<Rows, Depth, Order::columns>& A,
             const TileView<Cols, Depth, Order::rows>& B,
             const TileView<Rows, 1, Order::columns>& factor) {
  reads("mma_ABt", O);
  reads("mma_ABt", A);
  reads("mma_ABt", B);
  reads("mma_ABt", factor);
  writes("mma_ABt", O);
  O.block->counters().flops += 2ll * Rows * Cols * Depth;
  multiply<Rows, Cols, Into::rescale>(O.data, A.data, B.data(), {.column = B.stride(), .term = 1},
                                      Depth, factor.data, [](int, int) {});
}

template <int Rows, int Cols, int Depth>
void mma_ABt_async(const TileView<Rows, Cols, Order::columns>& O,
                   const TileView<Rows, Depth, Order::columns>& A,
                   const TileView<Cols, Depth, Order::rows>& B,
                   const TileView<Rows, 1, Order::columns>& factor) {
  issue_product(O, A, B, false, [&] { mma_ABt(O, A, B, factor); });
}

}  // namespace tile::cpu

// Additions of tiles to what is in HBM, by several blocks at a time.
#pragma once

#include "tile/cpu/memory.h"

namespace tile::cpu {

// Adds `part` of the tile to the fp32 matrix; no other thread adds to those rows meanwhile.
void add_columns(const HbmMatrix& hbm, const Overlap& part, const float* from, int rows, int cols);

// Adds the tile to what begins at (row, col); what lies past the end of the tensor is dropped.
// Blocks may do so at once, in any order: sums are rounded accordingly. It counts as a read and a
// write. SharedSums may lie past the end entirely, as TMA, which adds them on a GPU, allows
// (cp.reduce.async.bulk.tensor).
template <class Tile>
void atomic_add(const HbmMatrix& hbm, std::int64_t row, const Tile& tile, std::int64_t col = 0) {
  constexpr bool by_tma = is<Tile, SharedSums>, fit = by_tma || is<Tile, Accumulator>;
  if constexpr (require_that_tiles_fit<fit, "atomic_add: the tile is " + shape_of<Tile> +
                                                ", expected an Accumulator or SharedSums">()) {
    Block& block = *tile.block;
    const Transfer transfer = by_tma ? Transfer::atomic_add_async : Transfer::atomic_add;
    const Overlap part = cover(block, transfer, tile.name, hbm, row, col, Tile::rows, Tile::cols);
    if (hbm.dtype != DType::f32)
      block.fail("atomic_add of tile " + std::string(tile.name) + ": tensor " +
                 std::string(hbm.tensor.name) + " is " + std::string(tile::name(hbm.dtype)) +
                 ", expected f32");
    const Op added = bytes_of(transfer, hbm, part);
    Op read = added;
    read.writes_hbm = false;
    begin(block, read, reads(tile), writes());
    begin(block, added, reads(tile), writes());
    add_columns(hbm, part, tile.data, Tile::rows, Tile::cols);
    if constexpr (!by_tma) {
      const std::int64_t next = row + Tile::rows;
      const int rows = static_cast<int>(std::clamp<std::int64_t>(hbm.rows - next, 0, Tile::rows));
      tile.next_sums = {rows > 0 ? hbm.at(next, 0) : nullptr, hbm.row_stride * 4, rows,
                        part.cols * 4};
    }
  }
}

}  // namespace tile::cpu

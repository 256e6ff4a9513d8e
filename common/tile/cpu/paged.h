// load and store of matrices and vectors in pages.
#pragma once

#include "tile/cpu/memory.h"

namespace tile::cpu {

// Counts the entries of the block table that a transfer looks up.
//
// Checked mode: fails if one of them names a page that the cache does not have.
inline void look_up_pages(Block& block, std::string_view operation, std::string_view tile,
                          const HbmPagedMatrix& hbm, const Overlap& part) {
  if (!hbm.table || part.rows == 0) return;
  const std::int64_t first = part.row / hbm.page_rows;
  const std::int64_t last = (part.row + part.rows - 1) / hbm.page_rows;
  block.counters().hbm_read[Tensor::pages] += (last - first + 1) * 4;
  if (!block.checked()) return;
  for (std::int64_t i = first; i <= last; ++i)
    if (hbm.table[i] < 0 || hbm.table[i] >= hbm.cache_pages)
      block.fail(std::string(operation) + " of tile " + std::string(tile) + ": page " +
                 std::to_string(i) + " of tensor " + std::string(name(hbm.tensor)) + " is page " +
                 std::to_string(hbm.table[i]) + ", outside the " + std::to_string(hbm.cache_pages) +
                 " of the cache");
}

// As for an HbmMatrix, a page at a time.
template <int Cols>
void read_rows(float* to, const HbmPagedMatrix& hbm, Overlap part, int rows) {
  int done = 0;
  for (int count; done < std::min(rows, part.rows); done += count) {
    const std::int64_t in_page = (part.row + done) % hbm.page_rows;
    count = static_cast<int>(
        std::min<std::int64_t>(hbm.page_rows - in_page, std::min(rows, part.rows) - done));
    read_rows<Cols>(to + done * Cols, hbm.page_of(part.row + done),
                    {in_page, part.col, count, part.cols}, count);
  }
  std::fill(to + done * Cols, to + rows * Cols, 0.0f);
}

template <int Rows, int Cols>
void move_in(const TileView<Rows, Cols, Order::rows>& tile, const HbmPagedMatrix& hbm,
             Overlap part) {
  const std::int64_t in_page = part.row % hbm.page_rows;
  if (part.rows > 0 && in_page + part.rows <= hbm.page_rows) {
    move_in(tile, hbm.page_of(part.row), {in_page, part.col, part.rows, part.cols});
  } else {
    read_rows<Cols>(tile.storage + tile.first * Cols, hbm, part, Rows);
    *tile.source = {tile.storage, Cols};
  }
}

// Loads the tile whose first element is (row, col); what lies past the end of the tensor is zero.
template <int Rows, int Cols, Order Layout>
void load(const TileView<Rows, Cols, Layout>& tile, const HbmPagedMatrix& hbm, std::int64_t row,
          std::int64_t col = 0) {
  const Overlap part = transfer("load", tile, hbm, row, col);
  look_up_pages(*tile.block, "load", tile.name, hbm, part);
  writes("load", tile);
  move_in(tile, hbm, part);
}

template <int Rows>
void load(const TileView<Rows, 1, Order::columns>& tile, const HbmPagedVector& hbm,
          std::int64_t row) {
  const std::int64_t valid = transfer("load", tile, hbm, row);
  writes("load", tile);
  for (std::int64_t r = 0; r < Rows; ++r) tile.data[r] = r < valid ? hbm[row + r] : 0;
}

template <int Rows>
void store(const HbmPagedVector& hbm, std::int64_t row,
           const TileView<Rows, 1, Order::columns>& tile) {
  const std::int64_t valid = transfer("store", tile, hbm, row);
  reads("store", tile);
  for (std::int64_t r = 0; r < valid; ++r) hbm[row + r] = tile.data[r];
}

}  // namespace tile::cpu

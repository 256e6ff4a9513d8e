// A right operand that keeps the type in which HBM stores it, and is converted as it is used.
#pragma once

#include "tile/cpu/paged.h"
#include "tile/cpu/products.h"

namespace tile::cpu {

// The tile [Rows, Cols] that `load` brought last. Its rows are read where they lie, in whichever
// pages: a decode step uses each element in one product, so a copy would cost as much as the
// product does. Where that cannot be, it is the fp32 tile `floats`.
template <int Rows, int Cols>
struct StoredTile {
  StoredTile(Block& owner, std::string_view label)
      : block(&owner), name(label), floats(owner, label) {}
  StoredTile(const StoredTile&) = delete;
  StoredTile& operator=(const StoredTile&) = delete;

  Block* block;
  std::string_view name;
  mutable Tile<Rows, Cols, Order::rows, Space::shared> floats;
  mutable bool converted = false;  // `floats` has the rows
  HbmPagedMatrix hbm = {};
  Overlap part = {};
  const std::byte* row[Rows] = {};   // null if they are in `floats` only
  const std::byte* next[Rows] = {};  // of the tile behind: most likely loaded next
};

// Rows of elements of type T, for the products of few rows.
template <class T>
struct StoredRows {
  static constexpr int line = 64 / sizeof(T);
  static constexpr bool in_bf16 = has_bf16_dot<T>;
  static constexpr float in_units_of = unit<T>;
  const std::byte* const* row;
  const std::byte* const* next;

  const T* data(int r, int col) const { return reinterpret_cast<const T*>(row[r]) + col; }
  void read(Vec (&to)[2], int r, int col) const { widen_2_in_units(to, data(r, col)); }
  // Into the second cache, which has more misses on their way than the first: a core that has
  // twenty, for 100 ns each, reads 13 GB/s.
  void fetch_next(int r, int col) const {
    __builtin_prefetch(reinterpret_cast<const T*>(next[r]) + col, 0, 2);
  }
};

// Where `count` rows lie, from `first` on; past the last row, that one.
inline void find_rows(const std::byte** to, const HbmPagedMatrix& hbm, std::int64_t first,
                      int count) {
  first = std::min(first, hbm.rows - 1);
  const std::int64_t bytes = hbm.row_stride * size_in_bytes(hbm.dtype);
  const auto valid = static_cast<int>(std::min<std::int64_t>(count, hbm.rows - first));
  std::int64_t page = first / hbm.page_rows, in_page = first % hbm.page_rows;
  for (int found = 0; found < valid; ++page, in_page = 0) {
    const std::byte* row = hbm.page(page).data + in_page * bytes;
    const std::int64_t end = std::min<std::int64_t>(valid, found + hbm.page_rows - in_page);
    for (; found < end; ++found, row += bytes) to[found] = row;
  }
  std::fill(to + valid, to + count, to[valid - 1]);
}

template <int Rows, int Cols>
void load(StoredTile<Rows, Cols>& tile, const HbmPagedMatrix& hbm, std::int64_t row) {
  tile.part = transfer("load", tile.floats, hbm, row, 0);
  look_up_pages(*tile.block, "load", tile.name, hbm, tile.part);
  writes("load", tile.floats);
  tile.hbm = hbm;
  tile.converted = false;
  tile.row[0] = nullptr;
  if (tile.part.rows == Rows && tile.part.cols == Cols) {
    find_rows(tile.row, hbm, row, Rows);
    find_rows(tile.next, hbm, row + Rows, Rows);
  }
  if (!tile.row[0] || tile.block->checked()) convert(tile);
}

// The tile in fp32.
template <int Rows, int Cols>
const TileView<Rows, Cols, Order::rows>& convert(const StoredTile<Rows, Cols>& tile) {
  if (!tile.converted) move_in(tile.floats, tile.hbm, tile.part);
  tile.converted = true;
  return tile.floats;
}

// S = A Bᵀ.   A [Rows, Depth]   B [Cols, Depth]
template <int Rows, int Cols, int Depth>
void mma_ABt(const TileView<Rows, Cols, Order::columns>& S,
             const TileView<Rows, Depth, Order::columns>& A, const StoredTile<Cols, Depth>& B) {
  if constexpr (fits_one_vector<Rows>) {
    if (B.row[0]) {
      reads("mma_ABt", A);
      reads("mma_ABt", B.floats);
      writes("mma_ABt", S);
      S.block->counters().flops += 2ll * Rows * Cols * Depth;
      return with_type(B.hbm.dtype, [&](auto type) {
        const StoredRows<decltype(type)> rows_of_B = {B.row, B.next};
        multiply_few_by_rows<Rows, Cols, Depth>(S.data, A.data, rows_of_B);
      });
    }
  }
  mma_ABt(S, A, convert(B));
}

// O = diag(factor) O + A B.   A [Rows, Depth]   B [Depth, Cols]
template <int Rows, int Cols, int Depth>
void mma_AB(const TileView<Rows, Cols, Order::columns>& O,
            const TileView<Rows, Depth, Order::columns>& A, const StoredTile<Depth, Cols>& B,
            const TileView<Rows, 1, Order::columns>& factor) {
  if constexpr (fits_one_vector<Rows>) {
    if (B.row[0]) {
      reads("mma_AB", O);
      reads("mma_AB", A);
      reads("mma_AB", B.floats);
      reads("mma_AB", factor);
      writes("mma_AB", O);
      O.block->counters().flops += 2ll * Rows * Cols * Depth;
      return with_type(B.hbm.dtype, [&](auto type) {
        const StoredRows<decltype(type)> rows_of_B = {B.row, B.next};
        multiply_few<Rows, Cols, Depth, Update::rescale>(O.data, A.data, rows_of_B, factor.data);
      });
    }
  }
  mma_AB(O, A, convert(B), factor);
}

}  // namespace tile::cpu

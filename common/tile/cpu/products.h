// The two matrix products of attention: C += A Bᵀ and C += A B, A and C with rows along the lanes.
#pragma once

#include <algorithm>
#include <cstddef>

#include "tile/cpu/few_row_products.h"
#include "tile/cpu/tiles.h"

namespace tile::cpu {

// Strides of the right operand, in floats: from one column of C to the next, and from one term of
// the sum to the next. The elements are broadcast as they lie in HBM, without packing.
struct RightStrides {
  std::ptrdiff_t column;
  std::ptrdiff_t term;
};

// One register block: C[rows, columns] = sum over `terms` of A[rows, term] B[term, column], Update
// C. The sum starts from zero and is added to C at the end, which rounds less than adding the terms
// to C.
template <int Vectors, int Columns, Update C>
inline void multiply_block(float* c, std::ptrdiff_t ldc, const float* a, std::ptrdiff_t lda,
                           const float* b, RightStrides strides, int terms, const float* factor) {
  Vec sum[Columns][Vectors] = {};
  // By 4: 3 % of the whole kernel on Zen 5, as fewer loop ends are mispredicted.
  TILE_UNROLL_BY_4
  for (int t = 0; t < terms; ++t, a += lda, b += strides.term) {
    Vec left[Vectors];
    TILE_UNROLL
    for (int i = 0; i < Vectors; ++i) left[i] = load(a + i * lanes);
    TILE_UNROLL
    for (int j = 0; j < Columns; ++j) {
      const Vec right = broadcast(b[j * strides.column]);
      TILE_UNROLL
      for (int i = 0; i < Vectors; ++i) sum[j][i] += left[i] * right;
    }
  }
  TILE_UNROLL
  for (int j = 0; j < Columns; ++j) {
    TILE_UNROLL
    for (int i = 0; i < Vectors; ++i) {
      float* to = c + j * ldc + i * lanes;
      if constexpr (C == Update::add) sum[j][i] += load(to);
      if constexpr (C == Update::rescale) sum[j][i] += load(to) * load(factor + i * lanes);
      store(to, sum[j][i]);
    }
  }
}

// The columns of C in register blocks of `widest`, or of two thirds of that: narrower ones would
// wait for the FMA's latency.
template <int Cols, int Vectors>
struct ColumnBlocks {
  static constexpr int widest = column_block * vector_block / Vectors, narrow = widest * 2 / 3;
  static constexpr int count = (Cols + widest - 1) / widest;
  static constexpr int wide = (Cols - count * narrow) / (widest - narrow) * widest;  // columns
  static_assert(wide >= 0 && (Cols - wide) % narrow == 0, "columns fill whole register blocks");
};

// C[Rows, Cols] = A[Rows, terms] B, Update C. Rows is the leading dimension of A and C. Calls
// progress(first column, last column) as it goes, for what can be done meanwhile.
template <int Rows, int Cols, Update C, class Progress>
inline void multiply(float* c, const float* a, const float* b, RightStrides strides, int terms,
                     const float* factor, const Progress& progress) {
  constexpr int vectors = std::min(vector_block, Rows / lanes);  // fewer rows: more columns
  constexpr int step = vectors * lanes;
  static_assert(Rows % step == 0);
  using Blocks = ColumnBlocks<Cols, vectors>;
  for (int row = 0; row < Rows; row += step) {
    const auto block = [&]<int Columns>(int j) {
      if (row == 0) progress(j, j + Columns);
      multiply_block<vectors, Columns, C>(c + j * Rows + row, Rows, a + row, Rows,
                                          b + j * strides.column, strides, terms, factor + row);
    };
    for (int j = 0; j < Blocks::wide; j += Blocks::widest)
      block.template operator()<Blocks::widest>(j);
    for (int j = Blocks::wide; j < Cols; j += Blocks::narrow)
      block.template operator()<Blocks::narrow>(j);
  }
}

// Fetches into the second cache, while a tile is multiplied, rows of the tile that lies behind it
// in HBM: most likely the next. Rows of one head are far apart, which hardware prefetchers do not
// follow; 0.77 becomes 0.81 of the FMA peak on two Zen 5 cores (N = 4096, d = 64).
template <int Rows, int Cols>
inline void prefetch_behind(const TileView<Rows, Cols, Order::rows>& tile, int first, int last) {
  if (!tile.lies_in_hbm()) return;
  for (int r = first; r < last; ++r)
    for (int c = 0; c < Cols; c += 64 / sizeof(float))
      __builtin_prefetch(tile.data() + (Rows + r) * tile.stride() + c, 0, 2);
}

// The rows of a tile, for the products of few rows.
template <int Rows, int Cols>
struct RowsOfTile {
  static constexpr int line = 64 / sizeof(float);
  static constexpr bool in_bf16 = false;
  static constexpr float in_units_of = 1;
  const float* data;
  std::ptrdiff_t stride;
  bool in_hbm;

  explicit RowsOfTile(const TileView<Rows, Cols, Order::rows>& tile)
      : data(tile.data()), stride(tile.stride()), in_hbm(tile.lies_in_hbm()) {}
  void read(Vec (&to)[2], int row, int col) const {
    for (int i = 0; i < 2; ++i) to[i] = load(data + row * stride + col + i * lanes);
  }
  void fetch_next(int row, int col) const {
    if (in_hbm) __builtin_prefetch(data + (Rows + row) * stride + col, 0, 2);
  }
};

// The common part of the forms of mma_ABt: A Bᵀ, Update C.
template <Update C, int Rows, int Cols, int Depth>
void multiply_by_rows_into(const TileView<Rows, Cols, Order::columns>& S,
                           const TileView<Rows, Depth, Order::columns>& A,
                           const TileView<Cols, Depth, Order::rows>& B, const float* factor) {
  if constexpr (C != Update::overwrite) reads("mma_ABt", S);
  reads("mma_ABt", A);
  reads("mma_ABt", B);
  writes("mma_ABt", S);
  S.block->counters().flops += 2ll * Rows * Cols * Depth;
  if constexpr (fits_one_vector<Rows> && C == Update::overwrite)
    multiply_few_by_rows<Rows, Cols, Depth>(S.data, A.data, RowsOfTile(B));
  else
    multiply<Rows, Cols, C>(S.data, A.data, B.data(), {.column = B.stride(), .term = 1}, Depth,
                            factor, [&](int first, int last) { prefetch_behind(B, first, last); });
}

// S = A Bᵀ.   A [Rows, Depth]   B [Cols, Depth]
template <int Rows, int Cols, int Depth>
void mma_ABt(const TileView<Rows, Cols, Order::columns>& S,
             const TileView<Rows, Depth, Order::columns>& A,
             const TileView<Cols, Depth, Order::rows>& B) {
  multiply_by_rows_into<Update::overwrite>(S, A, B, S.data);
}

// The common part of the forms of mma_AB: A B, Update C.
template <Update C, int Rows, int Cols, int Depth>
void multiply_into(const TileView<Rows, Cols, Order::columns>& O,
                   const TileView<Rows, Depth, Order::columns>& A,
                   const TileView<Depth, Cols, Order::rows>& B, const float* factor) {
  reads("mma_AB", O);
  reads("mma_AB", A);
  reads("mma_AB", B);
  writes("mma_AB", O);
  O.block->counters().flops += 2ll * Rows * Cols * Depth;
  if constexpr (fits_one_vector<Rows>)
    multiply_few<Rows, Cols, Depth, C>(O.data, A.data, RowsOfTile(B), factor);
  else
    multiply<Rows, Cols, C>(O.data, A.data, B.data(), {.column = 1, .term = B.stride()}, Depth,
                            factor, [&](int first, int last) {
                              prefetch_behind(B, first * Depth / Cols, last * Depth / Cols);
                            });
}

// O += A B.   A [Rows, Depth]   B [Depth, Cols]
template <int Rows, int Cols, int Depth>
void mma_AB(const TileView<Rows, Cols, Order::columns>& O,
            const TileView<Rows, Depth, Order::columns>& A,
            const TileView<Depth, Cols, Order::rows>& B) {
  multiply_into<Update::add>(O, A, B, O.data);
}

// O = diag(factor) O + A B: a row's old sum times its factor, in the same pass over O.
template <int Rows, int Cols, int Depth>
void mma_AB(const TileView<Rows, Cols, Order::columns>& O,
            const TileView<Rows, Depth, Order::columns>& A,
            const TileView<Depth, Cols, Order::rows>& B,
            const TileView<Rows, 1, Order::columns>& factor) {
  reads("mma_AB", factor);
  multiply_into<Update::rescale>(O, A, B, factor.data);
}

}  // namespace tile::cpu

#include "tile/cpu/simd/products.h"

#include <algorithm>

#include "tile/cpu/simd/simd.h"

namespace tile::cpu {
namespace {

// Strides of the right operand, in floats: from one column of C to the next, and from one term of
// the sum to the next. The elements are broadcast as they lie in HBM, without packing.
struct RightStrides {
  std::ptrdiff_t column;
  std::ptrdiff_t term;
};

// One register block: C[rows, columns] = sum over `terms` of A[rows, term] B[term, column], then
// the update of C. The sum starts from zero and is added to C at the end, which rounds less than
// adding the terms to C.
template <int Vectors, int Columns, Update C>
void multiply_block(float* c, std::ptrdiff_t ldc, const float* a, std::ptrdiff_t lda,
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

// Fetches into the second cache, while a tile is multiplied, rows of the tile that lies behind it
// in HBM: most likely the next. Rows of one head are far apart, which hardware prefetchers do not
// follow; 0.77 becomes 0.81 of the FMA peak on two Zen 5 cores (N = 4096, d = 64).
struct Behind {
  const Fp32Rows& tile;
  int rows, cols;  // of the tile

  void prefetch(int first, int last) const {
    if (!tile.in_hbm) return;
    for (int r = first; r < last; ++r)
      for (int c = 0; c < cols; c += 64 / sizeof(float))
        __builtin_prefetch(tile.data + (rows + r) * tile.stride + c, 0, 2);
  }
};

// The columns of C in register blocks of `widest`, or of two thirds of that: narrower ones would
// wait for the FMA's latency. Every number of columns that is a multiple of 32 can be made of them.
template <int Vectors>
struct ColumnBlocks {
  static constexpr int widest = column_block * vector_block / Vectors, narrow = widest * 2 / 3;
  static_assert(32 % (widest - narrow) == 0);

  // How many columns are in blocks of the widest.
  static int wide(int cols) {
    const int count = (cols + widest - 1) / widest;
    return (cols - count * narrow) / (widest - narrow) * widest;
  }
};

template <int Vectors, Update C>
void multiply(const Product& p, const float* b, RightStrides strides, const Behind& behind) {
  using Blocks = ColumnBlocks<Vectors>;
  const int wide = Blocks::wide(p.cols);
  for (int row = 0; row < p.rows; row += Vectors * lanes) {
    const auto block = [&]<int Columns>(int j) {
      if (row == 0) behind.prefetch(j * behind.rows / p.cols, (j + Columns) * behind.rows / p.cols);
      multiply_block<Vectors, Columns, C>(p.c + j * p.rows + row, p.rows, p.a + row, p.rows,
                                          b + j * strides.column, strides, p.terms, p.factor + row);
    };
    for (int j = 0; j < wide; j += Blocks::widest) block.template operator()<Blocks::widest>(j);
    for (int j = wide; j < p.cols; j += Blocks::narrow)
      block.template operator()<Blocks::narrow>(j);
  }
}

template <int Vectors>
void multiply(const Product& p, const float* b, RightStrides strides, const Behind& behind) {
  switch (p.update) {
    case Update::overwrite:
      return multiply<Vectors, Update::overwrite>(p, b, strides, behind);
    case Update::add:
      return multiply<Vectors, Update::add>(p, b, strides, behind);
    case Update::rescale:
      return multiply<Vectors, Update::rescale>(p, b, strides, behind);
  }
}

// Fewer rows: fewer vectors and more columns in a register block.
void multiply(const Product& p, const float* b, RightStrides strides, const Behind& behind) {
  const int vectors = p.rows / lanes;
  if (vectors >= vector_block) return multiply<vector_block>(p, b, strides, behind);
  if constexpr (vector_block > 2)
    if (vectors == 2) return multiply<2>(p, b, strides, behind);
  multiply<1>(p, b, strides, behind);
}

}  // namespace

void multiply_ABt(const Product& p, const Fp32Rows& b) {
  multiply(p, b.data, {.column = b.stride, .term = 1}, {b, p.cols, p.terms});
}

void multiply_AB(const Product& p, const Fp32Rows& b) {
  multiply(p, b.data, {.column = 1, .term = b.stride}, {b, p.terms, p.cols});
}

}  // namespace tile::cpu

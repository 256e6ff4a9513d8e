#include "tile/cpu/simd/products.h"

#include <algorithm>
#include <cstring>

#include "tile/cpu/simd/dot.h"

namespace tile::cpu {
namespace {

// What a register block multiplies: numbers, one term of the sum each ...
struct Numbers {
  using Right = float;
  static constexpr int terms = 1;
  static Vec left(const float* a) { return load(a); }
  static Vec right(const float* b) { return broadcast(*b); }
  static Vec multiply_add(Vec sum, Vec a, Vec b) { return sum + a * b; }
};

#if TILE_SIMD_BF16_DOT

// ... or pairs of bf16 numbers, two terms.
struct Pairs {
  using Right = std::uint16_t;
  static constexpr int terms = 2;
  static Bf16Vec left(const float* a) { return load_bf16(a); }
  static Bf16Vec right(const std::uint16_t* b) {
    std::uint32_t pair;
    std::memcpy(&pair, b, sizeof pair);
    return broadcast_pair(pair);
  }
  static Vec multiply_add(Vec sum, Bf16Vec a, Bf16Vec b) { return dot(sum, a, b); }
};

#endif

// The right operand, and its distances from one column of C to the next and from one number or pair
// to the next. They are broadcast as they lie, in HBM if they can be.
template <class T>
struct RightOperand {
  const typename T::Right* data;
  std::ptrdiff_t column, term;
};

// The terms that a register block adds column by column at its end, so that the stores of a column
// go beside the products of the next ones. All 24 stores at once hold up the next block's products
// for 100 cycles on Zen 4, an eighth of a block of 32 pairs. With AVX2 there they cost 1 % more.
constexpr int last_terms = lanes == 16 ? 2 : 0;

// One register block: C[rows, columns] = sum over `terms` of A[rows, term] B[term, column], then
// the update of C. The sum starts from zero and is added to C at the end, which rounds less than
// adding the terms to C. Inlined, it begins while the block before still adds: 6 % on Zen 4.
template <class T, int Vectors, int Columns, Update C>
[[gnu::always_inline]] inline void multiply_block(float* c, const float* a, RightOperand<T> b,
                                                  int terms, const float* factor) {
  Vec sum[Columns][Vectors] = {};
  // By 4: 3 % of the whole kernel on Zen 5, as fewer loop ends are mispredicted.
  TILE_UNROLL_BY_4
  for (int t = last_terms; t < terms; ++t, a += Vectors * lanes, b.data += b.term) {
    decltype(T::left(a)) left[Vectors];
    TILE_UNROLL
    for (int i = 0; i < Vectors; ++i) left[i] = T::left(a + i * lanes);
    TILE_UNROLL
    for (int j = 0; j < Columns; ++j) {
      const auto right = T::right(b.data + j * b.column);
      TILE_UNROLL
      for (int i = 0; i < Vectors; ++i) sum[j][i] = T::multiply_add(sum[j][i], left[i], right);
    }
  }
  TILE_UNROLL
  for (int j = 0; j < Columns; ++j) {
    TILE_UNROLL
    for (int t = 0; t < last_terms; ++t) {
      const auto right = T::right(b.data + j * b.column + t * b.term);
      TILE_UNROLL
      for (int i = 0; i < Vectors; ++i)
        sum[j][i] = T::multiply_add(sum[j][i], T::left(a + (t * Vectors + i) * lanes), right);
    }
    TILE_UNROLL
    for (int i = 0; i < Vectors; ++i) {
      float* to = c + (j * Vectors + i) * lanes;
      if constexpr (C == Update::add) sum[j][i] += load(to);
      if constexpr (C == Update::rescale) sum[j][i] += load(to) * load(factor + i * lanes);
      store(to, sum[j][i]);
    }
  }
}

// Fetches the next tile into the second cache, a few lines for each register block. Rows of one
// head are far apart, which hardware prefetchers do not follow. More lines at once than the core
// has line fill buffers hold up the product's own loads: whole rows at a time cost 4 to 8 % on
// Granite Rapids.
class Prefetch {
 public:
  explicit Prefetch(const NextTile& tile)
      : stride_(tile.stride),
        row_lines_((tile.row_bytes + 63) / 64),
        lines_(tile.rows * row_lines_),
        row_(tile.data) {}

  // All of the tile's lines up to the share done / all.
  void up_to(int done, int all) {
    const int end =
        static_cast<int>(static_cast<unsigned>(done * lines_) / static_cast<unsigned>(all));
    for (; line_ < end; ++line_) {
      __builtin_prefetch(row_ + in_row_ * 64, 0, 2);
      if (++in_row_ < row_lines_) continue;
      in_row_ = 0;
      row_ += stride_;
    }
  }

 private:
  std::ptrdiff_t stride_;
  int row_lines_, lines_;
  int line_ = 0, in_row_ = 0;  // the next
  const std::byte* row_;
};

// The columns of C in register blocks of `widest`, or of two thirds of that: narrower ones would
// wait for the FMA's latency. Every number of columns that is a multiple of 16 can be made of them.
template <int Vectors>
struct ColumnBlocks {
  static constexpr int widest = column_block * vector_block / Vectors, narrow = widest * 2 / 3;
  static_assert(16 % (widest - narrow) == 0);

  // How many columns are in blocks of the widest.
  static int wide(int cols) {
    const int count = (cols + widest - 1) / widest;
    return (cols - count * narrow) / (widest - narrow) * widest;
  }
};

template <class T, int Vectors, Update C>
void multiply(const Product& p, RightOperand<T> b, Prefetch& prefetch) {
  using Blocks = ColumnBlocks<Vectors>;
  const int wide = Blocks::wide(p.used_cols);
  const int terms = std::max((p.used_terms + T::terms - 1) / T::terms, last_terms);
  constexpr int panel = Vectors * lanes;
  for (int row = 0; row < p.rows; row += panel) {
    const auto block = [&]<int Columns>(int j) {
      prefetch.up_to(row / panel * p.cols + j + Columns, p.rows / panel * p.cols);
      multiply_block<T, Vectors, Columns, C>(
          p.c + row * p.cols + j * panel, p.a + row * p.terms / T::terms,
          {b.data + j * b.column, b.column, b.term}, terms, p.factor + row);
    };
    for (int j = 0; j < wide; j += Blocks::widest) block.template operator()<Blocks::widest>(j);
    for (int j = wide; j < p.used_cols; j += Blocks::narrow)
      block.template operator()<Blocks::narrow>(j);
  }
}

template <int Vectors, class T>
void multiply(const Product& p, RightOperand<T> b, Prefetch& prefetch) {
  switch (p.update) {
    case Update::overwrite:
      return multiply<T, Vectors, Update::overwrite>(p, b, prefetch);
    case Update::add:
      return multiply<T, Vectors, Update::add>(p, b, prefetch);
    case Update::rescale:
      return multiply<T, Vectors, Update::rescale>(p, b, prefetch);
  }
}

// Fewer rows: fewer vectors and more columns in a register block.
template <class T>
void multiply(const Product& p, RightOperand<T> b, const NextTile& next) {
  Prefetch prefetch(next);
  const int vectors = p.rows / lanes;
  if (vectors >= vector_block) return multiply<vector_block>(p, b, prefetch);
  if constexpr (vector_block > 2)
    if (vectors == 2) return multiply<2>(p, b, prefetch);
  multiply<1>(p, b, prefetch);
}

}  // namespace

void multiply_ABt(const Product& p, const Fp32Rows& b, const NextTile& next) {
  multiply<Numbers>(p, {.data = b.data, .column = b.stride, .term = 1}, next);
}

void multiply_AB(const Product& p, const Fp32Rows& b, const NextTile& next) {
  multiply<Numbers>(p, {.data = b.data, .column = 1, .term = b.stride}, next);
}

void multiply_pairs([[maybe_unused]] const Product& p, [[maybe_unused]] const RightPairs& b,
                    [[maybe_unused]] const NextTile& next) {
#if TILE_SIMD_BF16_DOT
  multiply<Pairs>(p, {.data = b.data, .column = b.column, .term = b.term}, next);
#endif
}

}  // namespace tile::cpu

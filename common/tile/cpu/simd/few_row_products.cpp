#include "tile/cpu/simd/few_row_products.h"

#include <algorithm>
#include <bit>

#include "tile/cpu/simd/dot.h"
#include "tile/cpu/simd/row_broadcast.h"
#include "tile/cpu/simd/transpose.h"
#include "tile/cpu/simd/widen.h"

namespace tile::cpu {
namespace {

constexpr int Rows = few_rows > 0 ? few_rows : lanes / 2;

// Vectors of columns side by side in a product by columns: as many as the registers hold sums of.
constexpr int Vectors = lanes == 16 ? 2 : 1;

// Rows of elements of type T. Each vector is read once, so it may be converted then.
template <class T>
struct Right {
  static constexpr int line = 64 / sizeof(T);       // elements of a cache line
  static constexpr bool in_bf16 = has_bf16_dot<T>;  // they can be operands of the dot product
  static constexpr float scale = unit<T>;           // of what read() gives
  const std::byte* const* row;
  const std::byte* const* next;

  const T* data(int r, int col) const { return reinterpret_cast<const T*>(row[r]) + col; }
  void read(Vec (&to)[2], int r, int col) const { widen_2_in_units(to, data(r, col)); }
  void read(Vec (&to)[1], int r, int col) const { to[0] = widen_in_units(data(r, col)); }
  // Into the second cache, which has more misses on their way than the first: a core that has
  // twenty, for 100 ns each, reads 13 GB/s.
  void fetch_next(int r, int col) const {
    __builtin_prefetch(reinterpret_cast<const T*>(next[r]) + col, 0, 2);
  }
};

// Prefetches `Count` vectors of the next tile, [row, col] and on; `col` may count on into further
// rows, so that a product can fetch the rows in the order in which they lie, whatever its own is.
template <int Cols, int Count = 2, class T>
void fetch_next_step(const Right<T>& b, int row, int col) {
  for (int c = col; c < col + Count * lanes; c += Right<T>::line)
    if (c % Right<T>::line == 0) b.fetch_next(row + c / Cols, c % Cols);
}

// C = A Bᵀ by the dot product of bf16 numbers, for rows of A in bf16: half the instructions of
// fp32. The next elements of B are read, and E4M3 converted, while these are multiplied.
template <int Depth, class T>
void multiply_bf16_by_rows(float* c, int cols, const std::uint16_t* rows_of_a, const Right<T>& b) {
#if TILE_SIMD_BF16_DOT
  constexpr int keys = lanes / Rows;
  Bf16Vec next[keys][2];
  TILE_UNROLL
  for (int k = 0; k < keys; ++k) load_dot_elements(next[k], b.data(k, 0));
  for (int j = 0; j < cols; j += keys) {
    Vec sum[lanes] = {};
    TILE_UNROLL
    for (int t = 0; t < Depth; t += dot_elements) {
      Bf16Vec right[keys][2];
      const int next_t = (t + dot_elements) % Depth;
      const int next_j = next_t > 0 ? j : std::min(j + keys, cols - keys);
      TILE_UNROLL
      for (int k = 0; k < keys; ++k) {
        right[k][0] = next[k][0], right[k][1] = next[k][1];
        load_dot_elements(next[k], b.data(next_j + k, next_t));
        fetch_next_step<Depth>(b, j + k, t);
        fetch_next_step<Depth>(b, j + k, t + 2 * lanes);
      }
      TILE_UNROLL
      for (int i = 0; i < 2; ++i) {
        TILE_UNROLL
        for (int r = 0; r < Rows; ++r) {
          const Bf16Vec left = load_bf16(rows_of_a + r * Depth + t + i * 2 * lanes);
          TILE_UNROLL
          for (int k = 0; k < keys; ++k)
            sum[k * Rows + r] = dot(sum[k * Rows + r], left, right[k][i]);
        }
      }
    }
    store(c + j * Rows, sums_of_lanes(sum));
  }
#else
  static_assert(!Right<T>::in_bf16, "the processor has no such instruction");
#endif
}

// C = A Bᵀ: the products of rows.   A [Rows, Depth]   B [Cols, Depth]
template <int Depth, class T>
void multiply_by_rows(float* c, int cols, const float* a, const Right<T>& b) {
  constexpr int keys = lanes / Rows;  // rows of B at once: they fill a vector of C
  alignas(64) float rows_of_a[Rows * Depth];
  for (int t = 0; t < Depth; t += lanes) columns_to_rows(rows_of_a + t, Depth, a + t * Rows, Rows);
  if constexpr (Right<T>::in_bf16 && Depth % dot_elements == 0) {
    alignas(64) std::uint16_t narrow[Rows * Depth];
    if (dot_is_faster && to_bf16(narrow, rows_of_a, Rows * Depth))
      return multiply_bf16_by_rows<Depth>(c, cols, narrow, b);
  }
  for (int j = 0; j < cols; j += keys) {
    Vec sum[lanes] = {};
    for (int t = 0; t < Depth; t += 2 * lanes) {
      Vec right[keys][2];
      TILE_UNROLL
      for (int k = 0; k < keys; ++k) {
        b.read(right[k], j + k, t);
        fetch_next_step<Depth>(b, j + k, t);
      }
      TILE_UNROLL
      for (int i = 0; i < 2 * Rows; ++i) {
        const Vec left = load(rows_of_a + i % Rows * Depth + t + i / Rows * lanes);
        TILE_UNROLL
        for (int k = 0; k < keys; ++k) sum[k * Rows + i % Rows] += left * right[k][i / Rows];
      }
    }
    store(c + j * Rows, sums_of_lanes(sum) * Right<T>::scale);
  }
}

// Columns [0, Count lanes) of C from the sums of rows, then the update of C.
template <Update C, int Count>
void put_columns(float* c, Vec (&sum)[Count][Rows], float scale, const RowBroadcast& factor) {
  TILE_UNROLL
  for (int i = 0; i < Count; ++i) {
    rotate_index<log2(Rows)>(sum[i]);  // into columns
    TILE_UNROLL
    for (int r = 0; r < Rows; ++r, c += lanes) {
      sum[i][r] *= scale;
      if constexpr (C == Update::add) sum[i][r] += load(c);
      if constexpr (C == Update::rescale) sum[i][r] += load(c) * factor.at(0);
      store(c, sum[i][r]);
    }
  }
}

// C = A B, or an update of C, by the dot product of bf16 numbers: two rows of B at a time.
// `pairs_of_a` are two elements of each row.
template <int Cols, Update C, class T>
void multiply_bf16(float* c, const std::uint32_t* pairs_of_a, int depth, const Right<T>& b,
                   const RowBroadcast& factor) {
#if TILE_SIMD_BF16_DOT
  for (int j = 0; j < Cols; j += 2 * lanes) {
    Vec sum[2][Rows] = {};
    for (int t = 0; t < depth; t += 2) {
      fetch_next_step<Cols>(b, 0, j * depth + t * 2 * lanes);
      fetch_next_step<Cols>(b, 0, j * depth + (t + 1) * 2 * lanes);
      Bf16Vec right[2];
      load_pairs(right, b.data(t, j), b.data(t + 1, j));
      TILE_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Bf16Vec left = broadcast_pair(pairs_of_a[t / 2 * Rows + r]);
        TILE_UNROLL
        for (int i = 0; i < 2; ++i) sum[i][r] = dot(sum[i][r], left, right[i]);
      }
    }
    put_columns<C>(c + j * Rows, sum, 1, factor);
  }
#else
  static_assert(!Right<T>::in_bf16, "the processor has no such instruction");
#endif
}

// C = A B, or an update of C: sums of rows of B.   A [Rows, Depth]   B [Depth, Cols]
template <int Cols, Update C, class T>
void multiply(float* c, const float* a, int depth, const Right<T>& b, const float* factor) {
  static_assert(Cols % (Vectors * lanes) == 0);
  const RowBroadcast factors(factor, Rows);
  if constexpr (Right<T>::in_bf16) {
    alignas(64) std::uint32_t pairs[max_terms / 2 * Rows];
    if (dot_is_faster && to_bf16_pairs<Rows>(pairs, a, depth))
      return multiply_bf16<Cols, C>(c, pairs, depth, b, factors);
  }
  for (int j = 0; j < Cols; j += Vectors * lanes) {
    Vec sum[Vectors][Rows] = {};
    for (int t = 0; t < depth; ++t) {
      fetch_next_step<Cols, Vectors>(b, 0, j * depth + t * Vectors * lanes);
      Vec right[Vectors];
      b.read(right, t, j);
      TILE_UNROLL
      for (int r = 0; r < Rows; ++r) {
        TILE_UNROLL
        for (int i = 0; i < Vectors; ++i) sum[i][r] += broadcast(a[t * Rows + r]) * right[i];
      }
    }
    put_columns<C>(c + j * Rows, sum, Right<T>::scale, factors);
  }
}

// Calls f.operator()<Columns>() for the columns of a tile of a padded head dimension.
template <class F>
void with_columns(int columns, F&& f) {
  switch (columns) {
    case 32:
      return f.template operator()<32>();
    case 64:
      return f.template operator()<64>();
    case 96:
      return f.template operator()<96>();
    case 128:
      return f.template operator()<128>();
    case 192:
      return f.template operator()<192>();
    default:
      return f.template operator()<256>();
  }
}

}  // namespace

void find_rows(const std::byte** to, int count, const HbmMatrix& hbm, std::int64_t first) {
  first = std::min(first, hbm.rows - 1);
  const std::int64_t bytes = hbm.row_stride * size_in_bytes(hbm.dtype);
  const auto valid = static_cast<int>(std::min<std::int64_t>(count, hbm.rows - first));
  std::int64_t page = first / hbm.page_rows, in_page = first % hbm.page_rows;
  for (int found = 0; found < valid; ++page, in_page = 0) {
    const std::byte* row = hbm.page(page) + in_page * bytes;
    const std::int64_t end = std::min<std::int64_t>(
        valid, found + std::min(hbm.page_rows - in_page, std::int64_t{count}));
    for (; found < end; ++found, row += bytes) to[found] = row;
  }
  std::fill(to + valid, to + count, to[valid - 1]);
}

void multiply_few_ABt(const Product& p, const RightRows& b) {
  with_type(b.dtype, [&](auto type) {
    with_columns(p.terms, [&]<int Depth>() {
      multiply_by_rows<Depth>(p.c, p.cols, p.a, Right<decltype(type)>{b.row, b.next});
    });
  });
}

void multiply_few_AB(const Product& p, const RightRows& b) {
  with_type(b.dtype, [&](auto type) {
    with_columns(p.cols, [&]<int Cols>() {
      const Right<decltype(type)> rows = {b.row, b.next};
      if (p.update == Update::rescale)
        multiply<Cols, Update::rescale>(p.c, p.a, p.terms, rows, p.factor);
      else
        multiply<Cols, Update::add>(p.c, p.a, p.terms, rows, p.factor);
    });
  });
}

}  // namespace tile::cpu

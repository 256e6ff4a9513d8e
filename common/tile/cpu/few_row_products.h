// The products of a tile of fewer rows than lanes: here the lanes are columns of the right operand,
// so that none of them idles. A decode step has 8 rows, and an AVX-512 vector 16 lanes.
//
// The right operand is an object with `read(vectors, row, col)`, which gives two vectors from there
// on in units of `in_units_of`, and `fetch_next(row, col)`, which prefetches what will lie there in
// the next tile; a cache line has `line` of its elements. Each vector is read once, so it may be
// converted then. Where `in_bf16`, the elements can be operands of the dot product, and
// `data(row, col)` says where they lie.
#pragma once

#include "tile/cpu/rows.h"
#include "tile/cpu/simd/dot.h"
#include "tile/cpu/simd/transpose.h"

namespace tile::cpu {

template <int Rows>
inline constexpr bool fits_one_vector = Rows < lanes;

// What becomes of C: C = A B, C += A B, or C = diag(factor) C + A B.
enum class Update { overwrite, add, rescale };

// Prefetches two vectors of the next tile, [row, col] and on; `col` may count on into further rows,
// so that a product can fetch the rows in the order in which they lie, whatever its own is.
template <int Cols, class Right>
inline void fetch_next_step(const Right& b, int row, int col) {
  for (int c = col; c < col + 2 * lanes; c += Right::line)
    if (c % Right::line == 0) b.fetch_next(row + c / Cols, c % Cols);
}

// C = A Bᵀ by the dot product of bf16 numbers, for rows of A in bf16: half the instructions of
// fp32. The next elements of B are read, and E4M3 converted, while these are multiplied.
template <int Rows, int Cols, int Depth, class Right>
inline void multiply_few_bf16(float* c, const std::uint16_t* rows_of_a, const Right& b) {
#if TILE_SIMD_BF16_DOT
  constexpr int keys = lanes / Rows;
  Bf16Vec next[keys][2];
  TILE_UNROLL
  for (int k = 0; k < keys; ++k) load_dot_elements(next[k], b.data(k, 0));
  for (int j = 0; j < Cols; j += keys) {
    Vec sum[lanes] = {};
    TILE_UNROLL
    for (int t = 0; t < Depth; t += dot_elements) {
      Bf16Vec right[keys][2];
      const int next_t = (t + dot_elements) % Depth;
      const int next_j = next_t > 0 ? j : std::min(j + keys, Cols - keys);
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
  static_assert(Rows == 0, "the processor has no such instruction");
#endif
}

// C = A Bᵀ: the products of rows.   A [Rows, Depth]   B [Cols, Depth]
template <int Rows, int Cols, int Depth, class Right>
inline void multiply_few_by_rows(float* c, const float* a, const Right& b) {
  constexpr int keys = lanes / Rows;  // rows of B at once: they fill a vector of C
  alignas(64) float rows_of_a[Rows * Depth];
  for (int t = 0; t < Depth; t += lanes) columns_to_rows<Rows>(rows_of_a + t, Depth, a + t * Rows);
  if constexpr (Right::in_bf16 && Depth % dot_elements == 0) {
    alignas(64) std::uint16_t narrow[Rows * Depth];
    if (to_bf16(narrow, rows_of_a, Rows * Depth))
      return multiply_few_bf16<Rows, Cols, Depth>(c, narrow, b);
  }
  for (int j = 0; j < Cols; j += keys) {
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
    store(c + j * Rows, sums_of_lanes(sum) * Right::in_units_of);
  }
}

// Columns [0, 2 lanes) of C from the sums of rows, Update C.
template <int Rows, Update C>
inline void put_columns(float* c, Vec (&sum)[2][Rows], float unit,
                        const RowBroadcast<Rows>& factor) {
  TILE_UNROLL
  for (int i = 0; i < 2; ++i) {
    rotate_index<log2(Rows)>(sum[i]);  // into columns
    TILE_UNROLL
    for (int r = 0; r < Rows; ++r, c += lanes) {
      sum[i][r] *= unit;
      if constexpr (C == Update::add) sum[i][r] += load(c);
      if constexpr (C == Update::rescale) sum[i][r] += load(c) * factor.at(0);
      store(c, sum[i][r]);
    }
  }
}

// C = A B, Update C, by the dot product of bf16 numbers: two rows of B at a time. `pairs_of_a` are
// two elements of each row.
template <int Rows, int Cols, int Depth, Update C, class Right>
inline void multiply_few_bf16(float* c, const std::uint32_t* pairs_of_a, const Right& b,
                              const RowBroadcast<Rows>& factor) {
#if TILE_SIMD_BF16_DOT
  for (int j = 0; j < Cols; j += 2 * lanes) {
    Vec sum[2][Rows] = {};
    for (int t = 0; t < Depth; t += 2) {
      fetch_next_step<Cols>(b, 0, j * Depth + t * 2 * lanes);
      fetch_next_step<Cols>(b, 0, j * Depth + (t + 1) * 2 * lanes);
      Bf16Vec right[2];
      load_pairs(right, b.data(t, j), b.data(t + 1, j));
      TILE_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Bf16Vec left = broadcast_pair(pairs_of_a[t / 2 * Rows + r]);
        TILE_UNROLL
        for (int i = 0; i < 2; ++i) sum[i][r] = dot(sum[i][r], left, right[i]);
      }
    }
    put_columns<Rows, C>(c + j * Rows, sum, 1, factor);
  }
#else
  static_assert(Rows == 0, "the processor has no such instruction");
#endif
}

// C = A B, Update C: sums of rows of B.   A [Rows, Depth]   B [Depth, Cols]
template <int Rows, int Cols, int Depth, Update C, class Right>
inline void multiply_few(float* c, const float* a, const Right& b, const float* factor) {
  static_assert(Cols % (2 * lanes) == 0 && Depth % 2 == 0);
  const RowBroadcast<Rows> factors(factor);
  if constexpr (Right::in_bf16) {
    alignas(64) std::uint32_t pairs[Depth / 2 * Rows];
    if (to_bf16_pairs<Rows>(pairs, a, Depth))
      return multiply_few_bf16<Rows, Cols, Depth, C>(c, pairs, b, factors);
  }
  for (int j = 0; j < Cols; j += 2 * lanes) {
    Vec sum[2][Rows] = {};
    for (int t = 0; t < Depth; ++t) {
      fetch_next_step<Cols>(b, 0, j * Depth + t * 2 * lanes);
      Vec right[2];
      b.read(right, t, j);
      TILE_UNROLL
      for (int r = 0; r < Rows; ++r) {
        TILE_UNROLL
        for (int i = 0; i < 2; ++i) sum[i][r] += broadcast(a[t * Rows + r]) * right[i];
      }
    }
    put_columns<Rows, C>(c + j * Rows, sum, Right::in_units_of, factors);
  }
}

}  // namespace tile::cpu

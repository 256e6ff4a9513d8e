#include "tile/cpu/simd/row_operations.h"

#include <algorithm>
#include <cmath>

#include "tile/cpu/simd/dot.h"
#include "tile/cpu/simd/row_broadcast.h"
#include "tile/cpu/simd/simd.h"

namespace tile::cpu {
namespace {

// Calls f(first row, first element, rows) for each panel of a tile.
template <class F>
void for_each_panel(int rows, int cols, F f) {
  const int panel = panel_rows(rows);
  for (int r = 0; r < rows; r += panel) f(r, r * cols, panel);
}

// Calls f(i, row) for each vector of a tile: it begins at element i, and its lanes are rows from
// `row` on. A row vector of few rows fills a part of one; every tile's memory ends with a whole
// vector.
template <class F>
void for_each_vector(int rows, int cols, F f) {
  for_each_panel(rows, cols, [&](int first_row, int first, int panel) {
    const int last_row = lane_period(panel) - 1;
    for (int i = 0; i < panel * cols; i += lanes) f(first + i, first_row + (i & last_row));
  });
}

// f over the lanes of each row, where a vector has two columns.
template <class F>
Vec reduce_lanes(Vec value, F f) {
  return f(
      value, [&]<int... I>(std::integer_sequence<int, I...>) {
        return __builtin_shufflevector(value, value, ((I + lanes / 2) % lanes)...);
      }(std::make_integer_sequence<int, lanes>()));
}

// One number a row: f over the columns, from `first`. `Vectors` of rows stay in registers; few rows
// take several columns at once, in `Chains`, as each f waits for the one before.
template <int Vectors, int Chains, class F>
void reduce(float* result, const float* x, int rows, int cols, float first, F f) {
  const int panel = panel_rows(rows), period = lane_period(panel);
  for (int r = 0; r < rows; r += panel, x += panel * cols) {
    Vec value[Chains][Vectors];
    TILE_UNROLL
    for (int i = 0; i < Chains * Vectors; ++i) value[i / Vectors][i % Vectors] = broadcast(first);
    for (int c = 0; c < panel * cols; c += Chains * period) {
      TILE_UNROLL
      for (int i = 0; i < Chains * Vectors; ++i) {
        Vec& v = value[i / Vectors][i % Vectors];
        v = f(v, load(x + c + i / Vectors * period + i % Vectors * lanes));
      }
    }
    TILE_UNROLL
    for (int i = 0; i < Vectors; ++i) {
      for (int chain = 1; chain < Chains; ++chain) value[0][i] = f(value[0][i], value[chain][i]);
      const Vec all = rows < lanes ? reduce_lanes(value[0][i], f) : value[0][i];
      float* to = result + r + i * lanes;
      store(to, f(load(to), all));
    }
  }
}

template <class F>
void reduce_columns(float* result, const float* x, int rows, int cols, float first, F f) {
  if (cols == 1)
    return for_each_vector(
        rows, 1, [&](int i, int) { store(result + i, f(load(result + i), load(x + i))); });
  const int vectors = lane_period(panel_rows(rows)) / lanes;
  if (vectors == vector_block) return reduce<vector_block, 1>(result, x, rows, cols, first, f);
  const bool chains_fit = rows * cols % (vector_block * lanes) == 0;
  if constexpr (vector_block == 4)
    if (vectors == 2)
      return chains_fit ? reduce<2, 2>(result, x, rows, cols, first, f)
                        : reduce<2, 1>(result, x, rows, cols, first, f);
  return chains_fit ? reduce<1, vector_block>(result, x, rows, cols, first, f)
                    : reduce<1, 1>(result, x, rows, cols, first, f);
}

// The columns c and c + half of each pair become their sum and difference.
void butterfly(Vec* x, int columns, int half) {
  for (int first = 0; first < columns; first += 2 * half) {
    for (int c = first; c < first + half; ++c) {
      const Vec a = x[c], b = x[c + half];
      x[c] = a + b;
      x[c + half] = a - b;
    }
  }
}

// What exponents are less by, factor times a row's number.
RowBroadcast shift_of(const float* row, int rows, float factor) {
  return {row, rows, [&](float m) { return m == -INFINITY ? 0 : m * factor; }};
}

}  // namespace

void scale(float* x, int count, float factor) {
  for (int i = 0; i < count; i += lanes) store(x + i, load(x + i) * factor);
}

void add(float* x, const float* other, int count) {
  for (int i = 0; i < count; i += lanes) store(x + i, load(x + i) + load(other + i));
}

void row_maxima(float* result, const float* x, int rows, int cols) {
  reduce_columns(result, x, rows, cols, -INFINITY, [](Vec a, Vec b) { return max(b, a); });
}

void row_sums(float* result, const float* x, int rows, int cols) {
  reduce_columns(result, x, rows, cols, 0, [](Vec a, Vec b) { return a + b; });
}

bool exp2_of_difference(float* x, int rows, int cols, const float* row, float factor, float* sums) {
  const bool whole = in_whole_panels(rows);
  const RowBroadcast shift = shift_of(row, rows, factor);
  for_each_panel(rows, cols, [&](int first_row, int first, int panel) {
    const int last_row = lane_period(panel) - 1;
    Vec sum[vector_block] = {};
    for (int i = 0; i < panel * cols; i += vector_block * lanes) {
      Vec v[vector_block];
      TILE_UNROLL
      for (int k = 0; k < vector_block; ++k) {
        const int at = i + k * lanes;
        v[k] = load(x + first + at) * factor - shift.at(first_row + (at & last_row));
      }
      exp2(v);
      TILE_UNROLL
      for (int k = 0; k < vector_block; ++k) {
        store(x + first + i + k * lanes, v[k]);
        sum[k] += v[k];
      }
    }
    if (!whole) return;
    TILE_UNROLL
    for (int k = 0; k < vector_block; ++k) store(sums + first_row + k * lanes, sum[k]);
  });
  return whole;
}

void exp2_of_difference_in_pairs(float* pairs, const float* x, int rows, int cols, const float* row,
                                 float factor, float* sums) {
  constexpr int panel = vector_block * lanes;
  const RowBroadcast shift = shift_of(row, rows, factor);
  for (int r = 0; r < rows; r += panel) {
    Vec sum[vector_block] = {};
    for (int c = 0; c < cols; c += 2, x += 2 * panel, pairs += panel) {
      Vec v[2][vector_block];
      TILE_UNROLL
      for (int i = 0; i < 2; ++i) {
        TILE_UNROLL
        for (int k = 0; k < vector_block; ++k)
          v[i][k] = load(x + i * panel + k * lanes) * factor - shift.at(r + k * lanes);
        exp2(v[i]);
        TILE_UNROLL
        for (int k = 0; k < vector_block; ++k) sum[k] += v[i][k];
      }
      TILE_UNROLL
      for (int k = 0; k < vector_block; ++k)
        store(pairs + k * lanes, rounded_pairs(v[0][k], v[1][k]));
    }
    TILE_UNROLL
    for (int k = 0; k < vector_block; ++k) store(sums + r + k * lanes, sum[k]);
  }
}

void exp2_of_row_difference(float* x, const float* row, int rows, float factor) {
  for_each_vector(rows, 1, [&](int r, int) {
    const Vec top = load(row + r);
    const Vec shift = top == broadcast(-INFINITY) ? Vec{} : top;
    store(x + r, exp2((load(x + r) - shift) * factor));
  });
}

void multiply_rows(float* x, int rows, int cols, const float* factor) {
  const RowBroadcast factors(factor, rows);
  for_each_vector(rows, cols, [&](int i, int row) { store(x + i, load(x + i) * factors.at(row)); });
}

void subtract_rows(float* x, int rows, int cols, const float* subtrahend) {
  const RowBroadcast subtrahends(subtrahend, rows);
  for_each_vector(rows, cols,
                  [&](int i, int row) { store(x + i, load(x + i) - subtrahends.at(row)); });
}

void divide_rows(float* x, int rows, int cols, const float* divisor) {
  const RowBroadcast divisors(divisor, rows, [](float l) { return l == 0 ? INFINITY : l; });
  for_each_vector(rows, cols,
                  [&](int i, int row) { store(x + i, load(x + i) / divisors.at(row)); });
}

float largest_magnitude(const float* x, int count) {
  Vec largest = {};
  for (int i = 0; i < count; i += lanes) {
    const Vec v = load(x + i);
    largest = max(max(v, -v), largest);
  }
  float result = 0;
  for (int i = 0; i < lanes; ++i) result = std::max(result, largest[i]);
  return result;
}

void hadamard(float* x, int rows, int cols, int columns, const Signs& signs) {
  const float factor = 1 / std::sqrt(static_cast<float>(columns));
  const int panel = panel_rows(rows);
  for (int r = 0; r < rows; r += lanes) {
    float* const first = x + index_in_tile(rows, cols, r, 0);
    Vec v[256];
    for (int c = 0; c < columns; ++c)
      v[c] = load(first + c * panel) * (signs[c / 64] >> c % 64 & 1 ? -factor : factor);
    for (int half = 1; half < columns; half *= 2) butterfly(v, columns, half);
    for (int c = 0; c < columns; ++c) store(first + c * panel, v[c]);
  }
}

}  // namespace tile::cpu

#include "tile/cpu/simd/column_operations.h"

#include <cmath>

#include "tile/cpu/simd/simd.h"
#include "tile/cpu/simd/transpose.h"

namespace tile::cpu {
namespace {

// Calls f(first element, column, rows) for each column of each panel.
template <class F>
void for_each_column(int rows, int cols, F f) {
  const int panel = panel_rows(rows);
  for (int r = 0; r < rows; r += panel)
    for (int c = 0; c < cols; ++c) f(r * cols + c * panel, c, panel);
}

// x = f(x, column) for each vector of the tile.
template <class F>
void change_columns(float* x, int rows, int cols, const float* column, F f) {
  for_each_column(rows, cols, [&](int first, int c, int panel) {
    for (int i = first; i < first + panel; i += lanes) store(x + i, f(load(x + i), column[c]));
  });
}

}  // namespace

void exp2_of_column_difference(float* x, int rows, int cols, const float* column, float factor) {
  for_each_column(rows, cols, [&](int first, int c, int panel) {
    const float shift = column[c] == -INFINITY ? 0 : column[c] * factor;
    int i = first;
    for (; i + vector_block * lanes <= first + panel; i += vector_block * lanes) {
      Vec v[vector_block];
      TILE_UNROLL
      for (int k = 0; k < vector_block; ++k) v[k] = load(x + i + k * lanes) * factor - shift;
      exp2(v);
      TILE_UNROLL
      for (int k = 0; k < vector_block; ++k) store(x + i + k * lanes, v[k]);
    }
    for (; i < first + panel; i += lanes) store(x + i, exp2(load(x + i) * factor - shift));
  });
}

void subtract_columns(float* x, int rows, int cols, const float* subtrahend) {
  change_columns(x, rows, cols, subtrahend, [](Vec a, float b) { return a - b; });
}

void divide_columns(float* x, int rows, int cols, const float* divisor) {
  change_columns(x, rows, cols, divisor,
                 [](Vec a, float b) { return a / (b == 0 ? INFINITY : b); });
}

void multiply(float* x, const float* other, int count) {
  for (int i = 0; i < count; i += lanes) store(x + i, load(x + i) * load(other + i));
}

void transpose(float* to, const float* from, int rows, int cols) {
  for (int r = 0; r < rows; r += lanes)
    for (int c = 0; c < cols; c += lanes)
      transpose(to + index_in_tile(cols, rows, c, r), panel_rows(cols),
                from + index_in_tile(rows, cols, r, c), panel_rows(rows));
}

void row_products(float* result, const Fp32Rows& a, const Fp32Rows& b, int rows, int cols) {
  for (int r = 0; r < rows; ++r) {
    const float *x = a.data + r * a.stride, *y = b.data + r * b.stride;
    Vec sum = {};
    for (int c = 0; c < cols; c += lanes) sum += load(x + c) * load(y + c);
    result[r] = 0;
    for (int i = 0; i < lanes; ++i) result[r] += sum[i];
  }
}

}  // namespace tile::cpu

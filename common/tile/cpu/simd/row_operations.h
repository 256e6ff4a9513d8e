// Operations on a tile [rows, cols] in column order, as ordinary functions: vertical in the SIMD
// lanes, so none of them shuffles. `rows` is a power of two.
#pragma once

#include <cstdint>

#include "tile/cpu/simd/simd.h"
#include "tile/math.h"

namespace tile::cpu {

void scale(float* x, int count, float factor);
void add(float* x, const float* other, int count);

// result[r] = max(result[r], the row's largest element); result[r] += the row's sum.
void row_maxima(float* result, const float* x, int rows, int cols);
void row_sums(float* result, const float* x, int rows, int cols);

// x = 2^((x - row) factor). A row of -inf counts as 0: -inf minus it stays -inf, and gives 0.
// `sums` are what row_sums would add up; true if they were taken along, which few rows do not.
bool exp2_of_difference(float* x, int rows, int cols, const float* row, float factor, float* sums);

// Whether this many rows are whole panels.
constexpr bool in_whole_panels(int rows) {
  return rows % (vector_block * lanes) == 0;
}

// The same in pairs of bf16 numbers, and x stays; of whole panels.
void exp2_of_difference_in_pairs(float* pairs, const float* x, int rows, int cols, const float* row,
                                 float factor, float* sums);

// The same for row statistics, where the subtraction comes first: a maximum that has not moved
// gives exactly 1. Above, the rounding of row * factor would leave 1 + 5e-6 at a score of 110, and
// the factors of all key tiles multiply.
void exp2_of_row_difference(float* x, const float* row, int rows, float factor);

void multiply_rows(float* x, int rows, int cols, const float* factor);

void subtract_rows(float* x, int rows, int cols, const float* subtrahend);

// A true division. A reciprocal 1/l is rounded, l (1/l) is 1 + d, and FlashAttention-1 multiplies
// by l and divides by l at every key tile: (1 + d)^256 is 2e-5 (experiment error_growth). A row
// divided by 0, which has seen no key, becomes 0.
void divide_rows(float* x, int rows, int cols, const float* divisor);

float largest_magnitude(const float* x, int count);

// The first `columns`, a power of two, times diag(signs) H / sqrt(columns), by the fast
// Walsh-Hadamard transform.
void hadamard(float* x, int rows, int cols, int columns, const Signs& signs);

}  // namespace tile::cpu

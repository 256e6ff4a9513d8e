// Operations of the backward pass on a tile [rows, cols] in column order, as ordinary functions:
// with one number a column, and transposition. `rows` are whole vectors.
#pragma once

#include "tile/cpu/simd/convert.h"

namespace tile::cpu {

// x = 2^((x - column) factor). A column of -inf counts as 0: -inf minus it stays -inf, and gives 0.
void exp2_of_column_difference(float* x, int rows, int cols, const float* column, float factor);

void subtract_columns(float* x, int rows, int cols, const float* subtrahend);

// A column divided by 0 becomes 0.
void divide_columns(float* x, int rows, int cols, const float* divisor);

void multiply(float* x, const float* other, int count);

// to = from transposed: [cols, rows] in column order, of [rows, cols]. Both are whole vectors.
void transpose(float* to, const float* from, int rows, int cols);

// result[r] = the product of row r of both.
void row_products(float* result, const Fp32Rows& a, const Fp32Rows& b, int rows, int cols);

}  // namespace tile::cpu

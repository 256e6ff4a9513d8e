// Between the types of HBM and the fp32 of the chip, and between rows there and columns here.
//
// Ordinary functions: as templates their loops for all types were half of every stage's code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tile/hbm.h"

namespace tile::cpu {

// The part of an HBM matrix that a tile at (row, col) covers; none of it past the matrix's end.
struct Overlap {
  std::int64_t row, col;
  int rows, cols;
};

// Where fp32 rows lie, on chip or in HBM.
struct Fp32Rows {
  const float* data = nullptr;
  std::ptrdiff_t stride = 0;  // from row to row
  bool in_hbm = false;
};

// Reads `part` into `rows` fp32 rows of `cols` adjacent elements, with zeros where it ends before.
void read_rows(float* to, int cols, const HbmMatrix& hbm, const Overlap& part, int rows);

// The same into columns of `rows` adjacent elements ...
void read_columns(float* to, int rows, int cols, const HbmMatrix& hbm, const Overlap& part);

// ... and back, rounded to the matrix's type.
void write_columns(const HbmMatrix& hbm, const Overlap& part, const float* from, int rows);

// to[i] = from[i] rounded to `dtype`, as from_float does.
void narrow(std::byte* to, DType dtype, const float* from, std::int64_t count);

// to[i] = factor from[i], rounded to `dtype` but still fp32.
void round_to(float* to, DType dtype, const float* from, float factor, std::int64_t count);

}  // namespace tile::cpu

// Between the types of HBM and the fp32 of the chip, and between rows there and columns here.
//
// Ordinary functions: as templates their loops for all types were half of every stage's code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>

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
};

// The distance of the rows that are copied for products: an odd number of cache lines, so that a
// column of a tile is spread over all sets of the first cache.
constexpr int copied_row_stride(int cols) {
  return cols + 16;
}

// Whether this many rows, so many floats apart, would leave each other half a first cache of 32 KB
// or less (64 sets of 8 lines), as rows do whose distance is a power of two.
constexpr bool rows_collide(int rows, std::ptrdiff_t stride) {
  return rows * std::gcd(stride / 16, std::ptrdiff_t{64}) > 64 * 8 / 2;
}

// Rows that are to be fetched into the second cache: `row_bytes` each, `stride` bytes apart.
struct NextTile {
  const std::byte* data = nullptr;
  std::ptrdiff_t stride = 0;
  int rows = 0, row_bytes = 0;
};

// Reads `part` into `rows` fp32 rows of `cols` elements, `stride` apart, with zeros where it ends
// before.
void read_rows(float* to, std::ptrdiff_t stride, int cols, const HbmMatrix& hbm,
               const Overlap& part, int rows);

// The same into a tile in column order ...
void read_columns(float* to, int rows, int cols, const HbmMatrix& hbm, const Overlap& part);

// The same of the part's transpose.
void read_transposed(float* to, int rows, int cols, const HbmMatrix& hbm, const Overlap& part);

// ... and back, rounded to the matrix's type.
void write_columns(const HbmMatrix& hbm, const Overlap& part, const float* from, int rows,
                   int cols);

// The same of the tile's transpose.
void write_transposed(const HbmMatrix& hbm, const Overlap& part, const float* from, int rows,
                      int cols);

// to[i] = from[i] rounded to `dtype`, as from_float does.
void narrow(std::byte* to, DType dtype, const float* from, std::int64_t count);

// to[i] = factor from[i], rounded to `dtype` but still fp32.
void round_to(float* to, DType dtype, const float* from, float factor, std::int64_t count);

}  // namespace tile::cpu

// Operands of the hardware's dot product of bf16 numbers: pairs of adjacent terms of the sum, each
// pair in 32 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tile/cpu/simd/convert.h"
#include "tile/cpu/simd/simd.h"

namespace tile::cpu {

// Whether a product of many rows takes its operands, of these types, in pairs.
bool takes_pairs(DType left, DType right);

// A left operand needs whole vectors of rows.
constexpr bool has_pairs(int rows) {
  return rows >= lanes;
}

// The pairs of a right operand, and how many bf16 numbers they lie apart: from one column of C to
// the next, and from one pair of terms to the next.
struct RightPairs {
  const std::uint16_t* data = nullptr;
  std::ptrdiff_t column = 0, term = 0;
};

// A tile in column order and its pairs, which take the first half of the same memory: a panel after
// the other, and a column for every two. False, and nothing is done, if an element is not bf16.
bool to_pairs(float* tile, int rows, int cols);
void from_pairs(float* tile, int rows, int cols);

// to = factor from, rounded to bf16, in pairs.
void round_to_pairs(float* to, const float* from, float factor, int rows, int cols);

// A right operand B of rows of bf16 numbers, for A Bᵀ: where it lies in HBM ...
RightPairs pairs_in_rows(const HbmMatrix& hbm, const Overlap& part);

// ... and in a copy with zeros where `part` ends before, which may be of FP8 numbers; `stride`
// floats from row to row.
RightPairs copy_pairs_in_rows(float* to, std::ptrdiff_t stride, int rows, int cols,
                              const HbmMatrix& hbm, const Overlap& part);

// The same for A B, whose terms lie in two rows.
RightPairs copy_pairs_of_rows(float* to, std::ptrdiff_t stride, int rows, int cols,
                              const HbmMatrix& hbm, const Overlap& part);

}  // namespace tile::cpu

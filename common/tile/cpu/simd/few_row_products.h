// The products of a tile of 8 rows, a decode step's: here the lanes are columns of the right
// operand, whose elements are each read and converted once. As rows they would leave half of
// AVX-512's lanes idle, and every element be broadcast.
#pragma once

#include "tile/cpu/simd/products.h"
#include "tile/cpu/simd/simd.h"

namespace tile::cpu {

inline constexpr int few_rows = lanes >= 8 ? 8 : 0;  // none in narrower vectors
inline constexpr int max_terms = 256;

// Rows of a right operand, in the type in which HBM has them. Of those that lie behind the tile,
// and are most likely the next, cache lines are fetched as the product goes.
struct RightRows {
  DType dtype;
  const std::byte* const* row;
  const std::byte* const* next;
};

// Where `count` rows lie, from `first` on; past the last row, that one.
void find_rows(const std::byte** to, int count, const HbmMatrix& hbm, std::int64_t first);

// C = A Bᵀ, and C = A B with the update of C; C and A have `few_rows` rows.
void multiply_few_ABt(const Product& product, const RightRows& b);
void multiply_few_AB(const Product& product, const RightRows& b);

}  // namespace tile::cpu

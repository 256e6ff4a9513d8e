// The products of a tile of fewer rows than lanes: here the lanes are columns of the right operand,
// so that none of them idles. A decode step has 8 rows, and an AVX-512 vector 16 lanes.
#pragma once

#include "tile/cpu/simd/products.h"
#include "tile/cpu/simd/simd.h"

namespace tile::cpu {

inline constexpr int few_rows = lanes / 2;
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

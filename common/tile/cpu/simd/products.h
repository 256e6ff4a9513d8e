// The two matrix products of attention as ordinary functions: C += A Bᵀ and C += A B, A and C with
// rows along the lanes. The tile that comes next is fetched as they go.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tile/cpu/simd/convert.h"
#include "tile/cpu/simd/pairs.h"

namespace tile::cpu {

// What becomes of C: C = A B, C += A B, or C = diag(factor) C + A B.
enum class Update : std::uint8_t { overwrite, add, rescale };

// Columns of A or of C: `rows` adjacent elements each.
struct Product {
  Update update;
  float* c;
  const float* a;
  int rows, cols, terms;
  const float* factor;  // of each row of C, for Update::rescale
  // Where a head dimension is padded with zeros: the columns of C that do not stay zero, and the
  // terms that are not.
  int used_cols = cols, used_terms = terms;
};

// C[rows, cols] = A[rows, terms] Bᵀ, B being `cols` rows of `terms` elements.
void multiply_ABt(const Product& product, const Fp32Rows& b, const NextTile& next);

// C[rows, cols] = A[rows, terms] B, B being `terms` rows of `cols` elements.
void multiply_AB(const Product& product, const Fp32Rows& b, const NextTile& next);

// Either of them, of operands in pairs; `terms` are still elements.
void multiply_pairs(const Product& product, const RightPairs& b, const NextTile& next);

}  // namespace tile::cpu

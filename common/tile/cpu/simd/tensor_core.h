// Products as Hopper's tensor cores sum them in FP8, bit by bit.
//
// An instruction adds 32 products to an element of C. All 33 are aligned to the largest of their
// exponents, that of a product being the sum of its factors', and cut off, towards zero, 13 bits
// behind it; these fixed-point numbers add up exactly. C keeps 13 bits behind its first one.
// Measured by DeepSeek-V3 (arXiv:2412.19437, sections 3.3.2 and 3.5.2); Xie et al., MMA-Sim
// (arXiv:2511.10909), have the model, which random tests on the hardware agree with.
#pragma once

#include "tile/cpu/simd/products.h"
#include "tile/dtype.h"

namespace tile::cpu {

inline constexpr int instruction_terms = 32;  // the k of an FP8 WGMMA
inline constexpr int promoted_terms = 128;    // DeepSeek-V3's interval
inline constexpr int fraction_bits = 13;      // with a sign and 8 bits of exponent: 22

// multiply_ABt with the sums of a tensor core, promoted or not. The types of the elements of A and
// of B say where their subnormal numbers begin.
void multiply_ABt_in_tensor_core(const Product& product, DType of_a, const Fp32Rows& b, DType of_b,
                                 Sums sums);

}  // namespace tile::cpu

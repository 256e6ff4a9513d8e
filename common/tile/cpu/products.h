// The two matrix products of attention.
#pragma once

#include <algorithm>

#include "tile/cpu/right_tile.h"
#include "tile/cpu/simd/few_row_products.h"
#include "tile/cpu/simd/tensor_core.h"

namespace tile::cpu {

// Where the rows of a whole right tile lie, in whichever pages. A decode step uses each element in
// one product, so a copy would cost as much as the product does.
template <int Rows>
struct RowPointers {
  const std::byte* row[Rows];
  const std::byte* next[Rows];  // of the tile behind: most likely loaded next

  explicit RowPointers(const HbmMatrix& hbm, std::int64_t first) {
    find_rows(row, Rows, hbm, first);
    find_rows(next, Rows, hbm, first + Rows);
  }
  explicit RowPointers(const Fp32Rows& rows) {
    for (int r = 0; r < Rows; ++r)
      row[r] = next[r] = reinterpret_cast<const std::byte*>(rows.data + r * rows.stride);
  }
};

template <class B>
using MultiplyFew = void (*)(const Product&, const B&);

// A product whose few rows are no vector: the right operand is read in the type that HBM has.
template <class B>
void multiply_few(MultiplyFew<RightRows> multiply, const Product& product, const B& b) {
  if (b.is_whole() && b.part.col == 0) {
    const RowPointers<B::rows> in_hbm(b.hbm, b.part.row);
    return multiply(product, {b.hbm.dtype, in_hbm.row, in_hbm.next});
  }
  const RowPointers<B::rows> on_chip(b.fp32_rows(B::rows, 1));
  multiply(product, {DType::f32, on_chip.row, on_chip.next});
}

// What the products of few rows are compiled for: the padded head dimensions.
constexpr bool is_few_row_width(int cols) {
  return cols == 32 || cols == 64 || cols == 96 || cols == 128 || cols == 192 || cols == 256;
}

template <class C, class A, class B>
constexpr std::int64_t flops_of() {
  return 2ll * C::rows * C::cols * A::cols;
}

// The record of a product that first multiplies the elements of C.
template <class C, class A, class B>
Op rescaling_product(std::string_view name) {
  return {.name = name,
          .unit = Unit::tensor_core,
          .elements = std::int64_t{C::rows} * C::cols,
          .flops = flops_of<C, A, B>()};
}

template <class S, class A, class B>
constexpr bool fit_ABt() {
  if constexpr (is<S, Accumulator> && is_left<A> && is<B, RightTile>)
    return S::rows == A::rows && S::cols == B::rows && A::cols == B::cols;
  else
    return false;
}

template <class O, class A, class B>
constexpr bool fit_AB() {
  if constexpr (is<O, Accumulator> && is_left<A> && is<B, RightTile>)
    return O::rows == A::rows && A::cols == B::rows && O::cols == B::cols;
  else
    return false;
}

// A product of many rows: `in_pairs` if the processor has it for these types, and A is of bf16
// numbers.
template <class A, class B, class InPairs, class InFp32>
void multiply_many(const A& a, const B& b, const InPairs& in_pairs, const InFp32& in_fp32) {
  const bool takes = has_pairs(A::rows) && takes_pairs(a.block->operand_type(), b.hbm.dtype);
  const bool took = takes && a.to_pairs();
  if (!took) a.to_fp32();
  took ? in_pairs() : in_fp32();
  if (a.block->checked()) a.to_fp32();  // for the search for what nothing wrote
}

// The common part of the forms of mma_ABt: A Bᵀ, and what becomes of C.
template <Sums sums, class C, class A, class B>
void multiply_by_rows(Update update, C& c, const A& a, const B& b, const float* factor) {
  Product product = {update, c.data, a.data, C::rows, C::cols, A::cols, factor};
  static_assert(C::rows != few_rows || is_few_row_width(A::cols));
  if constexpr (sums != Sums::fp32) {
    static_assert(C::rows != few_rows, "a tensor core takes 64 rows");
    a.to_fp32();
    const DType of_a = is<A, Operand> ? a.block->operand_type() : a.block->dtype();
    return multiply_ABt_in_tensor_core(product, of_a, b.fp32_rows(1, 1), b.hbm.dtype, sums);
  }
  if constexpr (C::rows == few_rows)
    if (update == Update::overwrite) return multiply_few(multiply_few_ABt, product, b);
  product.used_terms = a.used_cols;
  constexpr int panels = C::rows / panel_rows(C::rows);
  multiply_many(
      a, b, [&] { multiply_pairs(product, b.pairs_in_rows(a.used_cols), b.next()); },
      [&] { multiply_ABt(product, b.fp32_rows(column_block, panels), b.next()); });
}

// S = A Bᵀ.   A [R, D]   B [C, D]   S [R, C]
template <Sums sums = Sums::fp32, class S, class A, class B>
void mma_ABt(S& s, const A& a, const B& b) {
  if constexpr (require_that_tiles_fit<
                    fit_ABt<S, A, B>(),
                    "mma_ABt(S, Q, K): S is " + shape_of<S> + ", Q is " + shape_of<A> + ", K is " +
                        shape_of<B> +
                        "; expected Accumulator R x C, LeftTile R x D, RightTile C x D">()) {
    begin(*s.block, {.name = "mma_ABt", .unit = Unit::tensor_core, .flops = flops_of<S, A, B>()},
          reads_as_they_are(a, b), overwrites(s));
    multiply_by_rows<sums>(Update::overwrite, s, a, b, s.data);
  }
}

// O = diag(factor) O + A Bᵀ, for a right operand that lies transposed.
template <Sums sums = Sums::fp32, class O, class A, class B, class Factor>
void mma_ABt(O& o, const A& a, const B& b, const Factor& factor) {
  constexpr bool fit = fit_ABt<O, A, B>() && is_rows_of<Factor, O>;
  if constexpr (require_that_tiles_fit<
                    fit, "mma_ABt(O, P, Vt, r): O is " + shape_of<O> + ", P is " + shape_of<A> +
                             ", Vt is " + shape_of<B> + ", r is " + shape_of<Factor> +
                             "; expected Accumulator R x C, Operand R x D, RightTile C x D, "
                             "RowVector R x 1">()) {
    begin(*o.block, rescaling_product<O, A, B>("mma_ABt"), reads_as_they_are(factor, o, a, b),
          writes(o));
    multiply_by_rows<sums>(Update::rescale, o, a, b, factor.data);
  }
}

// The common part of the forms of mma_AB: A B, and what becomes of C.
template <class C, class A, class B>
void multiply_by_columns(Update update, C& c, const A& a, const B& b, const float* factor) {
  Product product = {update, c.data, a.data, C::rows, C::cols, A::cols, factor};
  static_assert(C::rows != few_rows || is_few_row_width(C::cols));
  if constexpr (C::rows == few_rows) {
    multiply_few(multiply_few_AB, product, b);
  } else {
    product.used_cols = std::max(16, (b.part.cols + 7) / 8 * 8);
    constexpr int panels = C::rows / panel_rows(C::rows);
    const NextTile next = c.next_sums.data ? c.next_sums : b.next();
    multiply_many(
        a, b, [&] { multiply_pairs(product, b.pairs_of_rows(), next); },
        [&] { multiply_AB(product, b.fp32_rows(B::rows, panels), next); });
  }
}

// O += A B.   A [R, D]   B [D, C]   O [R, C]
template <class O, class A, class B>
void mma_AB(O& o, const A& a, const B& b) {
  if constexpr (require_that_tiles_fit<
                    fit_AB<O, A, B>(),
                    "mma_AB(O, P, V): O is " + shape_of<O> + ", P is " + shape_of<A> + ", V is " +
                        shape_of<B> +
                        "; expected Accumulator R x C, Operand R x D, RightTile D x C">()) {
    begin(*o.block, {.name = "mma_AB", .unit = Unit::tensor_core, .flops = flops_of<O, A, B>()},
          reads_as_they_are(o, a, b), writes(o));
    multiply_by_columns(Update::add, o, a, b, o.data);
  }
}

// O = diag(factor) O + A B: a row's old sum times its factor, in the same pass over O.
template <class O, class A, class B, class Factor>
void mma_AB(O& o, const A& a, const B& b, const Factor& factor) {
  constexpr bool fit = fit_AB<O, A, B>() && is_rows_of<Factor, O>;
  if constexpr (require_that_tiles_fit<
                    fit, "mma_AB(O, P, V, r): O is " + shape_of<O> + ", P is " + shape_of<A> +
                             ", V is " + shape_of<B> + ", r is " + shape_of<Factor> +
                             "; expected Accumulator R x C, Operand R x D, RightTile D x C, "
                             "RowVector R x 1">()) {
    begin(*o.block, rescaling_product<O, A, B>("mma_AB"), reads_as_they_are(factor, o, a, b),
          writes(o));
    multiply_by_columns(Update::rescale, o, a, b, factor.data);
  }
}

}  // namespace tile::cpu

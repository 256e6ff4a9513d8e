// Operations on the elements of a tile.
#pragma once

#include <algorithm>
#include <utility>

#include "tile/cpu/simd/row_operations.h"
#include "tile/cpu/tiles.h"

namespace tile::cpu {

// An operation of the FP32 lanes on all elements of a tile.
template <class Tile>
Op on_elements(std::string_view name) {
  return {.name = name, .unit = Unit::fp32, .elements = Tile::rows * Tile::cols};
}

template <class Tile>
Op exponentials_of(std::string_view name) {
  constexpr int elements = Tile::rows * Tile::cols;
  return {.name = name, .unit = Unit::exponential, .elements = elements, .exponentials = elements};
}

// Whether two tiles in column order have the same shape.
template <class A, class B>
inline constexpr bool same_shape = [] {
  if constexpr (ColumnTiled<A> && ColumnTiled<B>)
    return A::rows == B::rows && A::cols == B::cols;
  else
    return false;
}();

// Operations on the elements of one tile take any but a RightTile, which is in HBM's order.
template <class Tile, Text call>
constexpr bool require_columns() {
  return require_that_tiles_fit<ColumnTiled<Tile>,
                                call + " is " + shape_of<Tile> +
                                    ", expected a tile in registers or a LeftTile">();
}

template <class Tile>
void fill(Tile& tile, float value) {
  if constexpr (require_columns<Tile, "fill(t, x): t">()) {
    begin(*tile.block, on_elements<Tile>("fill"), reads(), overwrites(tile));
    std::fill_n(tile.data, Tile::rows * Tile::cols, value);
  }
}

template <class To, class From>
void copy(To& to, const From& from) {
  if constexpr (require_that_tiles_fit<same_shape<To, From>,
                                       "copy(to, from): to is " + shape_of<To> + ", from is " +
                                           shape_of<From> + "; expected one shape">()) {
    begin(*to.block, on_elements<To>("copy"), reads(from), overwrites(to));
    std::copy_n(from.data, To::rows * To::cols, to.data);
  }
}

// tile *= factor
template <class Tile>
void scale(Tile& tile, float factor) {
  if constexpr (require_columns<Tile, "scale(t, x): t">()) {
    begin(*tile.block, on_elements<Tile>("scale"), reads(tile), writes(tile));
    scale(tile.data, Tile::rows * Tile::cols, factor);
  }
}

// tile += other
template <class Tile, class Other>
void add(Tile& tile, const Other& other) {
  if constexpr (require_that_tiles_fit<same_shape<Tile, Other>,
                                       "add(t, u): t is " + shape_of<Tile> + ", u is " +
                                           shape_of<Other> + "; expected one shape">()) {
    begin(*tile.block, on_elements<Tile>("add"), reads(tile, other), writes(tile));
    add(tile.data, other.data, Tile::rows * Tile::cols);
  }
}

// P = factor S, rounded to the type in which a tensor core takes its left operand. S has no value
// afterwards: on a GPU its registers become P's.
template <class P, class S>
void convert(P& p, S& s, float factor = 1) {
  constexpr bool fit = is<P, Operand> && is<S, Accumulator> && same_shape<P, S>;
  if constexpr (require_that_tiles_fit<fit, "convert(to, from): to is " + shape_of<P> +
                                                ", from is " + shape_of<S> +
                                                "; expected Operand R x C, Accumulator R x C">()) {
    Block& block = *p.block;
    const bool may_swap = factor == 1 && !block.checked();
    const bool done = may_swap && s.exponentials.only_in_pairs;
    if (done) std::swap(p.data, s.exponentials.pairs);
    const auto read = done ? reads_as_they_are(s) : reads(s);
    begin(block, on_elements<P>("convert"), read, overwrites(p, s));
    const bool takes_pairs = p.last_product_took_pairs && !block.checked() &&
                             block.operand_type() == DType::bf16;  // FP8 is rounded more
    s.exponentials.wanted = takes_pairs && may_swap && in_whole_panels(P::rows);
    p.in_pairs = done || takes_pairs;
    if (done) return;
    if (may_swap && block.operand_type() == DType::f32) return std::swap(p.data, s.data);
    if (p.in_pairs) return round_to_pairs(p.data, s.data, factor, P::rows, P::cols);
    round_to(p.data, block.operand_type(), s.data, factor, P::rows * P::cols);
    if (block.checked()) poison(s);
  }
}

}  // namespace tile::cpu

// The tile shape of a head dimension, for every stage and for the cost formulas.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "attention/problem.h"

namespace flash {

// A head dimension is padded with zeros to the next of these.
inline constexpr int padded_head_dims[] = {32, 64, 96, 128, 192, 256};

constexpr int padded_head_dim(std::int64_t head_dim) {
  for (const int padded : padded_head_dims)
    if (head_dim <= padded) return padded;
  return 0;
}

// FlashAttention's B_r, rows of a tile of Q, S and O, and B_c, rows of a tile of K and V: in fp32
// Q, K and V take at most 144 KB of shared memory, which every GPU in tile/gpu.h has.
constexpr int query_rows(int padded_head_dim) {
  return padded_head_dim <= 192 ? 128 : 64;
}
constexpr int key_rows(int padded_head_dim) {
  return padded_head_dim <= 128 ? 64 : 32;
}

// A program that compiles many kernels may define the one padded head dimension that it asks for.
constexpr bool is_compiled([[maybe_unused]] int padded_head_dim) {
#ifdef ATTENTION_HEAD_DIM
  return padded_head_dim == ATTENTION_HEAD_DIM;
#else
  return true;
#endif
}

// Calls f.operator()<HeadDim, QueryRows, KeyRows>() for a head dimension of 1 to 256.
template <class F>
void with_tiles(std::int64_t head_dim, F&& f) {
  const int padded = padded_head_dim(head_dim);
  const auto call = [&]<int HeadDim>() {
    if constexpr (is_compiled(HeadDim))
      if (padded == HeadDim)
        f.template operator()<HeadDim, query_rows(HeadDim), key_rows(HeadDim)>();
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (call.template operator()<padded_head_dims[I]>(), ...);
  }
  (std::make_index_sequence<std::size(padded_head_dims)>());
}

}  // namespace flash

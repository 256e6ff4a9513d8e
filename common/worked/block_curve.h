// FlashAttention-1's figure 2, middle: what Algorithm 1 moves by the keys of a tile.
#pragma once

namespace flash {

// Q and O in and O out, once a tile of keys: GPT-2 medium, N = 1024, d = 64, 16 heads, 64
// sequences, fp16.
constexpr double bytes_of_algorithm_1(int key_rows) {
  constexpr double N = 1024, d = 64, heads = 16 * 64, element = 2;
  return N / key_rows * 3 * N * d * heads * element;
}

}  // namespace flash

// The tiles of FlashAttention's own kernels for 16-bit elements and for FP8. The modelled GPU runs
// the stages' kernels with them; a CPU keeps to those of plan.h, which fit in fp32 as well.
#pragma once

namespace flash {

// The padded head dimension; B_r, rows of a tile of Q, S and O; B_c, rows of a tile of K and V.
struct TileShape {
  int head_dim, query_rows, key_rows;

  bool operator==(const TileShape&) const = default;
};

// The head dimension that they are given for.
constexpr int published_head_dim(int head_dim) {
  return head_dim <= 64 ? 64 : head_dim <= 128 ? 128 : 256;
}

// FlashAttention-2 (csrc/flash_attn/src/flash_fwd_launch_template.h), without dropout.
constexpr TileShape flash_attention_2_tiles(int head_dim) {
  return {head_dim, 128, head_dim == 64 ? 128 : 64};
}

// FlashAttention-3 (hopper/flash_fwd_launch_template.h, as it was when its paper's figures were
// published in 2024): 192 rows are three consumers. Without a mask, and under a causal one.
constexpr TileShape flash_attention_3_tiles(int head_dim) {
  return {head_dim, head_dim == 64 ? 192 : 128, head_dim == 64 ? 128 : head_dim == 128 ? 176 : 80};
}
constexpr TileShape flash_attention_3_causal_tiles(int head_dim) {
  return {head_dim, head_dim == 64 ? 192 : 128, head_dim == 256 ? 80 : 128};
}

// In FP8 it has 160, 224 and 128 keys, where stage 05 quantises at most 128 rows at a time.
constexpr TileShape flash_attention_3_fp8_tiles(int head_dim) {
  return {head_dim, 128, 128};
}

}  // namespace flash

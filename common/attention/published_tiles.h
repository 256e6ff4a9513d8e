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

// FlashAttention-3 (hopper/tile_size.h), without a mask; under a causal one it has 128 keys for d =
// 64 and 128. For d = 64 it has three consumers and 192 rows, where stage 04 has two and 128. In
// FP8 it has 160, 224 and 128 keys, where stage 05 quantises at most 128 rows at a time.
constexpr TileShape flash_attention_3_tiles(int head_dim) {
  return {head_dim, 128, head_dim == 64 ? 192 : head_dim == 128 ? 176 : 80};
}
constexpr TileShape flash_attention_3_fp8_tiles(int head_dim) {
  return {head_dim, 128, 128};
}

}  // namespace flash

// How Flash-Decoding divides a problem: tiles of packed query heads, and splits of the keys.
#pragma once

#include <algorithm>
#include <cmath>

#include "attention/tiles.h"
#include "tile/tile.h"

namespace flash {

inline constexpr int max_splits = 128;

// SMs of an H100. Whatever the machine, it is this number that splits are made for: the splits
// decide how sums are rounded, and results should not depend on the number of cores.
inline constexpr int processors = 132;

// Rows of a tile of `rows` rows in all: the heads of a few queries fill 8 (the n of mma.sync, its
// operands exchanged) or 16 (the m); longer ones take the tile of the other stages.
constexpr int packed_query_rows(int padded_head_dim, std::int64_t rows) {
  return rows <= 8 ? 8 : rows <= 16 ? 16 : query_rows(padded_head_dim);
}

// Keys of a tile: few rows leave room for twice as many, which halves what is done once a tile.
constexpr int packed_key_rows(int padded_head_dim, std::int64_t rows) {
  return key_rows(padded_head_dim) * (rows <= 16 ? 2 : 1);
}

// Calls f.operator()<HeadDim, QueryRows, KeyRows>() for `rows` packed rows a sequence.
template <class F>
void with_packed_tiles(std::int64_t head_dim, std::int64_t rows, F&& f) {
  with_tiles(head_dim, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    switch (packed_query_rows(HeadDim, rows)) {
      case 8:
        return f.template operator()<HeadDim, 8, packed_key_rows(HeadDim, 8)>();
      case 16:
        return f.template operator()<HeadDim, 16, packed_key_rows(HeadDim, 16)>();
      default:
        return f.template operator()<HeadDim, QueryRows, KeyRows>();
    }
  });
}

// The number of splits that FlashAttention-3 chooses (its hopper/heuristics.h): with w waves of
// blocks the processors are busy w / ceil(w) of the time; the fewest splits that reach 0.85 times
// the best such share. One split if there are blocks enough without, or few keys; but a K and V
// that the second cache cannot hold (50 MB) are split to fit if queries pass over them more than
// once.
//
// `query_tiles` are those of one key head, `blocks` those of all; `kv_bytes` the bytes of K and V.
inline int num_splits(std::int64_t blocks, std::int64_t query_tiles, std::int64_t key_tiles,
                      std::int64_t kv_bytes, bool causal) {
  constexpr std::int64_t second_cache = 50 << 20;
  if (blocks >= 0.8 * processors) {
    const bool too_large = kv_bytes > second_cache && query_tiles >= 2 * processors && !causal;
    return too_large ? static_cast<int>(std::min<std::int64_t>(
                           tile::ceil_div(kv_bytes, second_cache), max_splits))
                     : 1;
  }
  if (blocks == 0 || key_tiles <= 4) return 1;
  const auto most = static_cast<int>(std::min<std::int64_t>(key_tiles, max_splits));
  const auto efficiency = [&](int splits) {
    const double waves = static_cast<double>(blocks * splits) / processors;
    return waves / std::ceil(waves);
  };
  double best = 0;
  for (int splits = 1; splits <= most; ++splits) best = std::max(best, efficiency(splits));
  int splits = 1;
  while (efficiency(splits) < 0.85 * best) ++splits;
  return splits;
}

// Of a Problem or of AttentionArgs, with K and V of `dtype`.
template <class Shape>
int num_splits(const Shape& p, DType dtype) {
  const int padded = padded_head_dim(p.head_dim);
  const std::int64_t rows = p.seqlen_q * (p.heads / p.kv_heads);
  const std::int64_t query_tiles = tile::ceil_div(rows, packed_query_rows(padded, rows));
  return num_splits(query_tiles * p.kv_heads * p.batch, query_tiles,
                    tile::ceil_div(p.seqlen_k, packed_key_rows(padded, rows)),
                    2 * p.seqlen_k * p.head_dim * size_in_bytes(dtype), p.causal);
}

}  // namespace flash

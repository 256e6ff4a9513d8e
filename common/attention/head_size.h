// What the cost formulas share: a problem's heads in rows and tiles, and the bytes of its tiles.
#pragma once

#include <algorithm>
#include <cstdint>

#include "attention/tiles.h"
#include "tile/tile.h"

namespace flash {

// One query head of one sequence.
struct HeadSize {
  std::int64_t N_q, N_k;         // rows
  std::int64_t T_r, T_c;         // tiles of Q and of K
  std::int64_t diagonal;         // causal: N_k - N_q
  std::int64_t row, row_acc;     // bytes of a row of Q, K, V or O, and of O_acc
  std::int64_t B_r, B_c, d_pad;  // the tile shape

  // One product of two tiles, padding included.
  std::int64_t product() const { return 2 * B_r * B_c * d_pad; }
};

inline constexpr std::int64_t number = 4;  // bytes of a score or a row statistic, fp32

struct TileShape {
  std::int64_t B_r, B_c, d_pad;
};

inline TileShape tile_shape(const Problem& p) {
  const int d_pad = padded_head_dim(p.head_dim);
  return {query_rows(d_pad), key_rows(d_pad), d_pad};
}

inline HeadSize head_size(const Problem& p, const Sequence& s) {
  const auto [B_r, B_c, d_pad] = tile_shape(p);
  return {.N_q = s.q_length,
          .N_k = s.k_length,
          .T_r = tile::ceil_div(s.q_length, B_r),
          .T_c = tile::ceil_div(s.k_length, B_c),
          .diagonal = s.k_length - s.q_length,
          .row = p.head_dim * size_in_bytes(p.dtype),
          .row_acc = p.head_dim * number,
          .B_r = B_r,
          .B_c = B_c,
          .d_pad = d_pad};
}

// What the query tiles of one key head read of K, added up.
struct SeenKeys {
  std::int64_t tiles = 0, keys = 0, pages = 0;
};

// `group` rows of a tile belong to each query; page_size 0: no block table.
inline SeenKeys seen_keys(const Problem& p, const HeadSize& n, std::int64_t group = 1,
                          std::int64_t page_size = 0) {
  using tile::ceil_div;
  SeenKeys seen;
  for (std::int64_t i = 0; i < n.T_r; ++i) {
    const std::int64_t last_query = ((i + 1) * n.B_r - 1) / group;
    const std::int64_t visible =
        p.causal ? std::clamp<std::int64_t>(last_query + n.diagonal + 1, 0, n.N_k) : n.N_k;
    seen.tiles += ceil_div(visible, n.B_c);
    seen.keys += std::min(ceil_div(visible, n.B_c) * n.B_c, n.N_k);
    if (page_size == 0) continue;
    for (std::int64_t key = 0; key < visible; key += n.B_c)
      seen.pages += ceil_div(std::min(key + n.B_c, n.N_k), page_size) - key / page_size;
  }
  return seen;
}

// Adds up f(head size, counters of one head) over the sequences and heads.
template <class F>
tile::Counters sum_over_heads(const Problem& p, F f) {
  tile::Counters total;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    tile::Counters head;
    f(head_size(p, p.sequence(b)), head);
    for (std::int64_t h = 0; h < p.heads; ++h) total += head;
  }
  return total;
}

// Bytes of shared memory for `rows` rows of the head dimension.
inline std::int64_t shared_bytes(const Problem& p, std::int64_t rows) {
  return rows * padded_head_dim(p.head_dim) * size_in_bytes(p.dtype);
}

// Bytes of the tiles of a fused kernel: Q, K and V in shared memory; S, O and `vectors` row vectors
// in registers.
inline std::int64_t fused_on_chip(const Problem& p, int vectors) {
  const auto [B_r, B_c, d_pad] = tile_shape(p);
  return shared_bytes(p, B_r + 2 * B_c) + number * (B_r * B_c + B_r * d_pad + vectors * B_r);
}

}  // namespace flash

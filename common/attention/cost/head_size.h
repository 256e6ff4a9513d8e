// What the cost formulas share: a problem's heads in rows and tiles, and the bytes of its tiles.
#pragma once

#include <algorithm>
#include <cstdint>

#include "attention/plan.h"
#include "attention/tensor.h"
#include "tile/counters.h"

namespace flash {

inline constexpr std::int64_t fp32_bytes = 4;  // of a score or a row statistic

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

// `group` rows of a tile belong to each query.
inline HeadSize head_size(const Problem& p, const Plan& plan, const Sequence& s,
                          std::int64_t group = 1) {
  const auto [d_pad, B_r, B_c] = plan.tiles;
  return {.N_q = s.q_length,
          .N_k = s.k_length,
          .T_r = tile::ceil_div(s.q_length * group, B_r),
          .T_c = tile::ceil_div(s.k_length, B_c),
          .diagonal = s.k_length - s.q_length,
          .row = p.head_dim * size_in_bytes(p.dtype),
          .row_acc = p.head_dim * fp32_bytes,
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
tile::Counters sum_over_heads(const Problem& p, const Plan& plan, F f) {
  tile::Counters total;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    tile::Counters head;
    f(head_size(p, plan, p.sequence(b)), head);
    for (std::int64_t h = 0; h < p.heads; ++h) total += head;
  }
  return total;
}

// The schedule of a persistent kernel: an entry a tile of queries, which the producer reads, and
// every consumer.
inline void add_schedule(const Problem& p, const Plan& plan, tile::Counters& c) {
  constexpr auto entry = static_cast<std::int64_t>(sizeof(QueryTile));
  for (std::int64_t b = 0; b < p.batch; ++b)
    c.hbm_workspace[Tensor::schedule] += p.heads * head_size(p, plan, p.sequence(b)).T_r * entry;
  const int readers = 1 + consumers_of(plan.tiles.query_rows);
  c.hbm_read[Tensor::schedule] = readers * c.hbm_workspace[Tensor::schedule];
}

// Bytes on chip of the tiles that kernels have in common.
struct TileBytes {
  std::int64_t Q, K;    // in shared memory; V is as large as K
  std::int64_t S, O;    // in registers, fp32
  std::int64_t P;       // in registers, in the type of a product's operands
  std::int64_t vector;  // of row statistics
};

inline TileBytes tile_bytes(const Problem& p, const Plan& plan) {
  const auto [d_pad, B_r, B_c] = plan.tiles;
  const std::int64_t element = size_in_bytes(p.dtype);
  return {.Q = element * B_r * d_pad,
          .K = element * B_c * d_pad,
          .S = fp32_bytes * B_r * B_c,
          .O = fp32_bytes * B_r * d_pad,
          .P = element * B_r * B_c,
          .vector = fp32_bytes * B_r};
}

// Of a fused kernel: Q, K and V, S, P and O, and `vectors` row vectors.
inline std::int64_t fused_on_chip(const Problem& p, const Plan& plan, int vectors) {
  const TileBytes of = tile_bytes(p, plan);
  return of.Q + 2 * of.K + of.S + of.P + of.O + vectors * of.vector;
}

}  // namespace flash

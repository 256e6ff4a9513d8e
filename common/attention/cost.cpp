#include "attention/cost.h"

#include <algorithm>

#include "attention/tiles.h"

namespace flash {
namespace {

using tile::Counters;
using tile::Tensor;

// One query head of one sequence, in rows, tiles and bytes of a row.
struct HeadSize {
  std::int64_t N_q, N_k;         // rows
  std::int64_t T_r, T_c;         // tiles of Q and of K
  std::int64_t diagonal;         // causal: N_k - N_q
  std::int64_t row, row_acc;     // bytes of a row of Q, K, V or O, and of O_acc
  std::int64_t B_r, B_c, d_pad;  // the tile shape

  // One product of two tiles, padding included.
  std::int64_t product() const { return 2 * B_r * B_c * d_pad; }
};

constexpr std::int64_t number = 4;  // bytes of a score or a row statistic, fp32

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Adds up f(head size, counters of one head) over the sequences and heads.
template <class F>
Counters sum_over_heads(const Problem& p, F f) {
  Counters total;
  const int d_pad = padded_head_dim(p.head_dim);
  for (std::int64_t b = 0; b < p.batch; ++b) {
    const Sequence s = p.sequence(b);
    HeadSize n{.N_q = s.q_length,
               .N_k = s.k_length,
               .T_r = 0,
               .T_c = 0,
               .diagonal = s.k_length - s.q_length,
               .row = p.head_dim * size_in_bytes(p.dtype),
               .row_acc = p.head_dim * number,
               .B_r = query_rows(d_pad),
               .B_c = key_rows(d_pad),
               .d_pad = d_pad};
    n.T_r = ceil_div(n.N_q, n.B_r);
    n.T_c = ceil_div(n.N_k, n.B_c);
    Counters head;
    f(n, head);
    for (std::int64_t h = 0; h < p.heads; ++h) total += head;
  }
  return total;
}

// Bytes of shared memory for `rows` rows of the head dimension, and of registers for `count`
// numbers.
std::int64_t shared(const Problem& p, std::int64_t rows) {
  return rows * padded_head_dim(p.head_dim) * size_in_bytes(p.dtype);
}

struct TileShape {
  std::int64_t B_r, B_c, d_pad;
};

TileShape shape(const Problem& p) {
  const int d_pad = padded_head_dim(p.head_dim);
  return {query_rows(d_pad), key_rows(d_pad), d_pad};
}

// Q, K, V in shared memory; S, O and `vectors` row vectors in registers.
std::int64_t fused_on_chip(const Problem& p, int vectors) {
  const auto [B_r, B_c, d_pad] = shape(p);
  return shared(p, B_r + 2 * B_c) + number * (B_r * B_c + B_r * d_pad + vectors * B_r);
}

std::int64_t row_workspace(const Problem& p) {
  return p.heads * p.total_q() * number;
}

// O_acc, m and l go through HBM for each key tile; O and LSE are written once, at the last.
void statistics_through_hbm(const Problem& p, Counters& c) {
  if (p.dtype != DType::f32)
    c.hbm_workspace[Tensor::O_acc] = p.total_q() * p.heads * p.head_dim * number;
  c.hbm_workspace[Tensor::m] = row_workspace(p);
  c.hbm_workspace[Tensor::l] = row_workspace(p);
}

}  // namespace

Counters naive_cost(const Problem& p) {
  Counters c = sum_over_heads(p, [](const HeadSize& n, Counters& head) {
    const std::int64_t scores = n.N_q * n.N_k * number, rows = n.N_q * number;
    // Kernel 1: S and m.
    head.hbm_read[Tensor::Q] = n.N_q * n.row;
    head.hbm_read[Tensor::K] = n.T_r * n.N_k * n.row;
    head.hbm_write[Tensor::S] = scores;
    head.hbm_write[Tensor::m] = rows;
    // Kernel 2: P and l. Kernel 3: O and LSE. Both read m.
    head.hbm_read[Tensor::S] = scores;
    head.hbm_read[Tensor::m] = 2 * rows;
    head.hbm_write[Tensor::P] = scores;
    head.hbm_write[Tensor::l] = rows;
    head.hbm_read[Tensor::P] = scores;
    head.hbm_read[Tensor::V] = n.T_r * n.N_k * n.row;
    head.hbm_read[Tensor::l] = rows;
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    head.hbm_write[Tensor::LSE] = rows;
    head.flops = n.T_r * n.T_c * 2 * n.product();
    head.exponentials = n.T_r * n.T_c * n.B_r * n.B_c;
  });
  c.hbm_workspace[Tensor::S] = c.hbm_workspace[Tensor::P] =
      p.heads * p.total_q() * p.seqlen_k * number;
  c.hbm_workspace[Tensor::m] = c.hbm_workspace[Tensor::l] = row_workspace(p);
  const auto [B_r, B_c, d_pad] = shape(p);
  const std::int64_t first = shared(p, B_r + B_c) + number * (B_r * B_c + B_r);
  const std::int64_t third = shared(p, B_c) + number * (B_r * B_c + B_r * d_pad + 2 * B_r);
  c.on_chip_peak = p.total_q() > 0 ? std::max(first, third) : 0;
  c.launches = 3;
  return c;
}

Counters tiling_cost(const Problem& p) {
  Counters c = sum_over_heads(p, [](const HeadSize& n, Counters& head) {
    const std::int64_t T_c = std::max<std::int64_t>(n.T_c, 1), rows = n.N_q * number;
    head.hbm_read[Tensor::Q] = 2 * T_c * n.N_q * n.row;
    head.hbm_read[Tensor::K] = 2 * n.N_k * n.row;
    head.hbm_read[Tensor::V] = n.N_k * n.row;
    head.hbm_read[Tensor::O_acc] = T_c * n.N_q * n.row_acc;
    head.hbm_write[Tensor::O_acc] = T_c * n.N_q * n.row_acc;  // once to begin with, not at the last
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    head.hbm_read[Tensor::m] = 2 * T_c * rows;
    head.hbm_write[Tensor::m] = (T_c + 1) * rows;
    head.hbm_read[Tensor::l] = T_c * rows;
    head.hbm_write[Tensor::l] = T_c * rows;
    head.hbm_write[Tensor::LSE] = rows;
    head.flops = n.T_r * T_c * 3 * n.product();
    head.exponentials = n.T_r * T_c * n.B_r * n.B_c;
  });
  statistics_through_hbm(p, c);
  c.on_chip_peak = fused_on_chip(p, 2);
  c.launches = 1;
  return c;
}

Counters online_softmax_cost(const Problem& p) {
  Counters c = sum_over_heads(p, [](const HeadSize& n, Counters& head) {
    const std::int64_t T_c = std::max<std::int64_t>(n.T_c, 1), rows = n.N_q * number;
    head.hbm_read[Tensor::Q] = T_c * n.N_q * n.row;
    head.hbm_read[Tensor::K] = n.N_k * n.row;
    head.hbm_read[Tensor::V] = n.N_k * n.row;
    head.hbm_read[Tensor::O_acc] = T_c * n.N_q * n.row_acc;
    head.hbm_write[Tensor::O_acc] = T_c * n.N_q * n.row_acc;  // once to begin with, not at the last
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    for (const Tensor statistic : {Tensor::m, Tensor::l})
      head.hbm_read[statistic] = head.hbm_write[statistic] = T_c * rows;
    head.hbm_write[Tensor::LSE] = rows;
    head.flops = n.T_r * T_c * 2 * n.product();
    head.exponentials = n.T_r * T_c * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  });
  statistics_through_hbm(p, c);
  c.on_chip_peak = fused_on_chip(p, 3);
  c.launches = 1;
  return c;
}

Counters v2_cost(const Problem& p) {
  Counters c = sum_over_heads(p, [&](const HeadSize& n, Counters& head) {
    std::int64_t tiles = 0, keys = 0;  // of K that the query tiles see, added up
    for (std::int64_t i = 0; i < n.T_r; ++i) {
      const std::int64_t diagonal = (i + 1) * n.B_r + n.diagonal;
      const std::int64_t seen = p.causal ? std::clamp<std::int64_t>(diagonal, 0, n.N_k) : n.N_k;
      tiles += ceil_div(seen, n.B_c);
      keys += std::min(ceil_div(seen, n.B_c) * n.B_c, n.N_k);
    }
    head.hbm_read[Tensor::Q] = n.N_q * n.row;
    head.hbm_read[Tensor::K] = head.hbm_read[Tensor::V] = keys * n.row;
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    head.hbm_write[Tensor::LSE] = n.N_q * number;
    head.flops = tiles * 2 * n.product();
    head.exponentials = tiles * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  });
  c.on_chip_peak = p.total_q() > 0 ? fused_on_chip(p, 3) : 0;
  c.launches = 1;
  return c;
}

}  // namespace flash

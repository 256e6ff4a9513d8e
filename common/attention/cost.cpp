#include "attention/cost.h"

#include <algorithm>

#include "attention/head_size.h"

namespace flash {
namespace {

using tile::Counters;
using tile::Tensor;

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
  const auto [B_r, B_c, d_pad] = tile_shape(p);
  const std::int64_t first = shared_bytes(p, B_r + B_c) + number * (B_r * B_c + B_r);
  const std::int64_t third = shared_bytes(p, B_c) + number * (B_r * B_c + B_r * d_pad + 2 * B_r);
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
    const SeenKeys seen = seen_keys(p, n);
    head.hbm_read[Tensor::Q] = n.N_q * n.row;
    head.hbm_read[Tensor::K] = head.hbm_read[Tensor::V] = seen.keys * n.row;
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    head.hbm_write[Tensor::LSE] = n.N_q * number;
    head.flops = seen.tiles * 2 * n.product();
    head.exponentials = seen.tiles * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  });
  c.on_chip_peak = p.total_q() > 0 ? fused_on_chip(p, 3) : 0;
  c.launches = 1;
  return c;
}

Counters hopper_cost(const Problem& p) {
  Counters c = v2_cost(p);
  const auto [B_r, B_c, d_pad] = tile_shape(p);
  const std::int64_t stages = 2;  // of the ring
  if (p.total_q() > 0)            // S twice
    c.on_chip_peak =
        shared_bytes(p, B_r + stages * 2 * B_c) + number * (2 * B_r * B_c + B_r * d_pad + 3 * B_r);
  return c;
}

}  // namespace flash

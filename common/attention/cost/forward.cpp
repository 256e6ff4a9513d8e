#include <algorithm>

#include "attention/cost/cost.h"
#include "attention/cost/head_size.h"
#include "attention/tensor.h"

namespace flash {
namespace {

using tile::Counters;

std::int64_t row_workspace(const Problem& p) {
  return p.heads * p.total_q() * fp32_bytes;
}

// O_acc, m and l go through HBM for each key tile; O and LSE are written once, at the last.
void statistics_through_hbm(const Problem& p, Counters& c) {
  if (p.dtype != DType::f32)
    c.hbm_workspace[Tensor::O_acc] = p.total_q() * p.heads * p.head_dim * fp32_bytes;
  c.hbm_workspace[Tensor::m] = row_workspace(p);
  c.hbm_workspace[Tensor::l] = row_workspace(p);
}

}  // namespace

Counters naive_cost(const Problem& p, const Plan& plan) {
  Counters c = sum_over_heads(p, plan, [](const HeadSize& n, Counters& head) {
    const std::int64_t scores = n.N_q * n.N_k * fp32_bytes, rows = n.N_q * fp32_bytes;
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
      p.heads * p.total_q() * p.seqlen_k * fp32_bytes;
  c.hbm_workspace[Tensor::m] = c.hbm_workspace[Tensor::l] = row_workspace(p);
  const TileBytes of = tile_bytes(p, plan);
  const std::int64_t first = of.Q + of.K + of.S + of.vector;
  const std::int64_t third = of.K + of.P + of.O + 2 * of.vector;
  c.on_chip_peak = p.total_q() > 0 ? std::max(first, third) : 0;
  c.launches = 3;
  return c;
}

Counters fused_cost(const Problem& p, const Plan& plan) {
  Counters c = sum_over_heads(p, plan, [](const HeadSize& n, Counters& head) {
    head.hbm_read[Tensor::Q] = n.N_q * n.row;
    head.hbm_read[Tensor::K] = 2 * n.T_r * n.N_k * n.row;  // in both sweeps
    head.hbm_read[Tensor::V] = n.T_r * n.N_k * n.row;
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    head.hbm_write[Tensor::LSE] = n.N_q * fp32_bytes;
    head.flops = n.T_r * n.T_c * 3 * n.product();
    head.exponentials = n.T_r * n.T_c * n.B_r * n.B_c;
  });
  c.on_chip_peak = p.total_q() > 0 ? fused_on_chip(p, plan, 2) : 0;
  c.launches = 1;
  return c;
}

Counters tiling_cost(const Problem& p, const Plan& plan) {
  Counters c = sum_over_heads(p, plan, [](const HeadSize& n, Counters& head) {
    const std::int64_t T_c = std::max<std::int64_t>(n.T_c, 1), rows = n.N_q * fp32_bytes;
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
  c.on_chip_peak = fused_on_chip(p, plan, 2);
  c.launches = 1;
  return c;
}

Counters online_softmax_cost(const Problem& p, const Plan& plan) {
  Counters c = sum_over_heads(p, plan, [](const HeadSize& n, Counters& head) {
    const std::int64_t T_c = std::max<std::int64_t>(n.T_c, 1), rows = n.N_q * fp32_bytes;
    head.hbm_read[Tensor::Q] = T_c * n.N_q * n.row;
    head.hbm_read[Tensor::K] = n.N_k * n.row;
    head.hbm_read[Tensor::V] = n.N_k * n.row;
    head.hbm_read[Tensor::O_acc] = T_c * n.N_q * n.row_acc;
    head.hbm_write[Tensor::O_acc] = T_c * n.N_q * n.row_acc;  // once to begin with, not at the last
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    for (const tile::TensorId statistic : {Tensor::m, Tensor::l})
      head.hbm_read[statistic] = head.hbm_write[statistic] = T_c * rows;
    head.hbm_write[Tensor::LSE] = rows;
    head.flops = n.T_r * T_c * 2 * n.product();
    head.exponentials = n.T_r * T_c * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  });
  statistics_through_hbm(p, c);
  c.on_chip_peak = fused_on_chip(p, plan, 3);
  c.launches = 1;
  return c;
}

Counters v2_cost(const Problem& p, const Plan& plan) {
  Counters c = sum_over_heads(p, plan, [&](const HeadSize& n, Counters& head) {
    const SeenKeys seen = seen_keys(p, n);
    head.hbm_read[Tensor::Q] = n.N_q * n.row;
    head.hbm_read[Tensor::K] = head.hbm_read[Tensor::V] = seen.keys * n.row;
    head.hbm_write[Tensor::O] = n.N_q * n.row;
    head.hbm_write[Tensor::LSE] = n.N_q * fp32_bytes;
    head.flops = seen.tiles * 2 * n.product();
    head.exponentials = seen.tiles * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  });
  c.on_chip_peak = p.total_q() > 0 ? fused_on_chip(p, plan, 3) : 0;
  c.launches = 1;
  return c;
}

// Of 03's steps: no tile is skipped, whatever the mask hides.
Counters loops_cost(const Problem& p, const Plan& plan) {
  Problem unmasked = p;
  unmasked.causal = false;
  return v2_cost(unmasked, plan);
}

// Of 04's steps whose blocks are not persistent: the ring, however many roles share the tiles.
Counters ring_cost(const Problem& p, const Plan& plan) {
  Counters c = v2_cost(p, plan);
  if (p.total_q() > 0) c.on_chip_peak += 2 * (plan.ring_depth - 1) * tile_bytes(p, plan).K;
  return c;
}

Counters hopper_cost(const Problem& p, const Plan& plan) {
  Counters c = ring_cost(p, plan);
  if (p.total_q() > 0) add_schedule(p, plan, c);
  return c;
}

}  // namespace flash

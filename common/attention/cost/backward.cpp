#include <algorithm>

#include "attention/cost/cost.h"
#include "attention/cost/head_size.h"
#include "attention/tensor.h"

namespace flash {
namespace {

using tile::Counters;

// Tiles of queries and queries that the key tiles of a query head go over, added up.
struct Passes {
  std::int64_t tiles = 0, queries = 0;
};

Passes passes_over_queries(const Problem& p, const HeadSize& n) {
  Passes passes;
  for (std::int64_t first_key = 0; first_key < n.N_k; first_key += n.B_c) {
    const std::int64_t sees_one = p.causal ? std::max<std::int64_t>(first_key - n.diagonal, 0) : 0;
    const std::int64_t first_tile = sees_one / n.B_r;
    if (first_tile >= n.T_r) continue;
    passes.tiles += n.T_r - first_tile;
    passes.queries += n.N_q - first_tile * n.B_r;
  }
  return passes;
}

// What each key head costs beside its query heads: K and V are read once, dK and dV written once.
void add_key_heads(const Problem& p, Counters& c) {
  const std::int64_t keys = p.total_k() * p.kv_heads * p.head_dim * size_in_bytes(p.dtype);
  c.hbm_read[Tensor::K] += keys;
  c.hbm_read[Tensor::V] += keys;
  c.hbm_write[Tensor::dK] += keys;
  c.hbm_write[Tensor::dV] += keys;
}

}  // namespace

Counters v2_backward_cost(const Problem& p, const Plan& plan) {
  const bool converts = p.dtype != DType::f32;
  Counters c = sum_over_heads(p, plan, [&](const HeadSize& n, Counters& head) {
    const Passes passes = passes_over_queries(p, n);
    const std::int64_t rows = n.N_q * fp32_bytes;
    // Kernel 1: D, and dQ = 0.
    head.hbm_read[Tensor::O] = n.N_q * n.row;
    head.hbm_write[Tensor::D] = rows;
    head.hbm_write[Tensor::dQ_acc] = n.N_q * n.row_acc + passes.queries * n.row_acc;
    // Kernel 2.
    head.hbm_read[Tensor::Q] = passes.queries * n.row;
    head.hbm_read[Tensor::dO] = n.N_q * n.row + passes.queries * n.row;
    head.hbm_read[Tensor::LSE] = head.hbm_read[Tensor::D] = passes.queries * fp32_bytes;
    head.hbm_read[Tensor::dQ_acc] = passes.queries * n.row_acc;
    head.flops = passes.tiles * 5 * n.product();
    head.exponentials = passes.tiles * n.B_r * n.B_c;
    if (!converts) return;
    // Kernel 3.
    head.hbm_read[Tensor::dQ_acc] += n.N_q * n.row_acc;
    head.hbm_write[Tensor::dQ] = n.N_q * n.row;
  });
  add_key_heads(p, c);
  c.hbm_workspace[Tensor::D] = p.heads * p.total_q() * fp32_bytes;
  if (converts) c.hbm_workspace[Tensor::dQ_acc] = p.total_q() * p.heads * p.head_dim * fp32_bytes;
  const TileBytes of = tile_bytes(p, plan);
  const std::int64_t dQ = of.O, dK = fp32_bytes * plan.tiles.key_rows * plan.tiles.head_dim;
  const std::int64_t row_sums = 2 * of.Q + of.vector + dQ;
  const std::int64_t gradients =
      2 * of.Q + 2 * of.K + 2 * of.S + 3 * of.P + 2 * dK + dQ + 2 * of.vector;
  c.on_chip_peak = std::max(p.total_q() > 0 ? row_sums : 0, p.total_k() > 0 ? gradients : 0);
  c.launches = converts ? 3 : 2;
  return c;
}

}  // namespace flash

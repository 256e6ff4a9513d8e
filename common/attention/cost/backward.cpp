#include <algorithm>

#include "attention/cost/cost.h"
#include "attention/cost/head_size.h"
#include "attention/tensor.h"

namespace flash {
namespace {

using tile::Counters;

// Tiles of queries and queries that the key tiles of a query head go over, added up. With `skip`
// each begins at the first query that sees one of its keys.
struct Passes {
  std::int64_t tiles = 0, queries = 0;
};

Passes passes_over_queries(const HeadSize& n, bool skip) {
  Passes passes;
  for (std::int64_t first_key = 0; first_key < n.N_k; first_key += n.B_c) {
    const std::int64_t sees_one = skip ? std::max<std::int64_t>(first_key - n.diagonal, 0) : 0;
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

// fp32 [heads, total_q], and [heads, total_q, seqlen_k].
std::int64_t row_workspace(const Problem& p) {
  return p.heads * p.total_q() * fp32_bytes;
}
std::int64_t scores_workspace(const Problem& p) {
  return row_workspace(p) * p.seqlen_k;
}

// Of a kernel that recomputes: K and V, `queries` tiles of Q's shape, both forms of S and of dP,
// three operands of P's shape, dK, dV and dQ, and two vectors.
std::int64_t recomputing_on_chip(const Problem& p, const Plan& plan, int queries) {
  const TileBytes of = tile_bytes(p, plan);
  const std::int64_t dK = fp32_bytes * plan.tiles.key_rows * plan.tiles.head_dim;
  return queries * of.Q + 2 * of.K + 2 * of.S + 3 * of.P + 2 * dK + of.O + 2 * of.vector;
}

// Of the kernel that computes D: O and dO, D, and zeros for dQ.
std::int64_t row_sums_on_chip(const Problem& p, const Plan& plan) {
  const TileBytes of = tile_bytes(p, plan);
  return 2 * of.Q + of.vector + of.O;
}

// Where dQ is added up, if it is not fp32 itself.
void dQ_through_hbm(const Problem& p, Counters& c) {
  if (p.dtype != DType::f32)
    c.hbm_workspace[Tensor::dQ_acc] = p.total_q() * p.heads * p.head_dim * fp32_bytes;
}

}  // namespace

Counters naive_backward_cost(const Problem& p, const Plan& plan) {
  Counters c = sum_over_heads(p, plan, [](const HeadSize& n, Counters& head) {
    const std::int64_t scores = n.N_q * n.N_k * fp32_bytes;
    // Kernels 1 and 3 read P, the latter twice; l likewise, once a tile of keys, or once.
    head.hbm_read[Tensor::P] = 3 * scores;
    head.hbm_read[Tensor::l] = (n.T_c + 1) * n.N_q * fp32_bytes;
    head.hbm_write[Tensor::dP] = scores;
    head.hbm_read[Tensor::dP] = 2 * scores;
    head.hbm_write[Tensor::dS] = scores;
    head.hbm_read[Tensor::dS] = 2 * scores;
    head.hbm_read[Tensor::dO] = (n.T_c + 1) * n.N_q * n.row;
    head.hbm_read[Tensor::V] = head.hbm_read[Tensor::K] = n.T_r * n.N_k * n.row;
    head.hbm_read[Tensor::Q] = n.T_c * n.N_q * n.row;
    head.hbm_write[Tensor::dQ] = n.N_q * n.row;
    head.flops = n.T_r * n.T_c * 4 * n.product();
  });
  const std::int64_t keys = p.total_k() * p.kv_heads * p.head_dim * size_in_bytes(p.dtype);
  c.hbm_write[Tensor::dK] = c.hbm_write[Tensor::dV] = keys;
  c.hbm_workspace[Tensor::l] = row_workspace(p);
  for (const tile::TensorId scores : {Tensor::P, Tensor::dP, Tensor::dS})
    c.hbm_workspace[scores] = scores_workspace(p);
  const TileBytes of = tile_bytes(p, plan);
  const std::int64_t dV = fp32_bytes * plan.tiles.key_rows * plan.tiles.head_dim;
  const std::int64_t first = of.Q + of.S + of.P + dV + of.vector;
  const std::int64_t second = of.Q + of.K + of.S, third = 2 * of.S + 2 * of.vector;
  const std::int64_t fourth = of.K + of.P + of.O;
  c.on_chip_peak = std::max(p.total_k() > 0 ? first : 0,
                            p.total_q() > 0 ? std::max({second, third, fourth}) : 0);
  c.launches = 5;
  return c;
}

namespace {

// Keys outside, in one block a key head. D is computed of O in each of its passes, or, with
// `row_sums`, read: it comes from a kernel of its own.
Counters a_block_a_head(const Problem& p, const Plan& plan, bool row_sums) {
  Counters c = sum_over_heads(p, plan, [&](const HeadSize& n, Counters& head) {
    const std::int64_t T_c = std::max<std::int64_t>(n.T_c, 1);
    head.hbm_read[Tensor::Q] = T_c * n.N_q * n.row;
    head.hbm_read[Tensor::O] = (row_sums ? 1 : T_c) * n.N_q * n.row;
    head.hbm_read[Tensor::dO] = (row_sums + T_c) * n.N_q * n.row;
    head.hbm_read[Tensor::LSE] = T_c * n.N_q * fp32_bytes;
    head.hbm_write[Tensor::D] = row_sums * n.N_q * fp32_bytes;
    head.hbm_read[Tensor::D] = row_sums * T_c * n.N_q * fp32_bytes;
    head.hbm_read[Tensor::dQ_acc] = T_c * n.N_q * n.row_acc;
    head.hbm_write[Tensor::dQ_acc] = T_c * n.N_q * n.row_acc;  // once to begin, not at the last
    head.hbm_write[Tensor::dQ] = n.N_q * n.row;
    head.flops = n.T_r * T_c * 5 * n.product();
    head.exponentials = n.T_r * T_c * n.B_r * n.B_c;
  });
  add_key_heads(p, c);
  dQ_through_hbm(p, c);
  c.hbm_workspace[Tensor::D] = row_sums * row_workspace(p);
  c.on_chip_peak = recomputing_on_chip(p, plan, row_sums ? 2 : 3);
  c.launches = row_sums ? 2 : 1;
  return c;
}

// A block for each tile of keys, which with `skip` begins at the first query that sees one of them.
Counters a_block_a_key_tile(const Problem& p, const Plan& plan, bool skip) {
  const bool converts = p.dtype != DType::f32;
  Counters c = sum_over_heads(p, plan, [&](const HeadSize& n, Counters& head) {
    const Passes passes = passes_over_queries(n, skip);
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
    if (p.deterministic) {  // a turn is set to 0, and read and passed on by each tile of keys
      head.hbm_read[Tensor::turns] = passes.tiles * 4;
      head.hbm_write[Tensor::turns] = (n.T_r + passes.tiles) * 4;
    }
    if (!converts) return;
    // Kernel 3.
    head.hbm_read[Tensor::dQ_acc] += n.N_q * n.row_acc;
    head.hbm_write[Tensor::dQ] = n.N_q * n.row;
  });
  add_key_heads(p, c);
  c.hbm_workspace[Tensor::D] = row_workspace(p);
  if (p.deterministic)
    c.hbm_workspace[Tensor::turns] =
        p.batch * p.heads * tile::ceil_div(p.seqlen_q, plan.tiles.query_rows) * 4;
  dQ_through_hbm(p, c);
  c.on_chip_peak = std::max(p.total_q() > 0 ? row_sums_on_chip(p, plan) : 0,
                            p.total_k() > 0 ? recomputing_on_chip(p, plan, 2) : 0);
  c.launches = converts ? 3 : 2;
  return c;
}

}  // namespace

Counters online_softmax_backward_cost(const Problem& p, const Plan& plan) {
  return a_block_a_head(p, plan, false);
}

// Of the first step to 03's.
Counters row_sums_backward_cost(const Problem& p, const Plan& plan) {
  return a_block_a_head(p, plan, true);
}

// Of the others: no tile is skipped, whatever the mask hides.
Counters key_tiles_backward_cost(const Problem& p, const Plan& plan) {
  return a_block_a_key_tile(p, plan, false);
}

Counters v2_backward_cost(const Problem& p, const Plan& plan) {
  return a_block_a_key_tile(p, plan, p.causal);
}

Counters hopper_backward_cost(const Problem& p, const Plan& plan) {
  Counters c = v2_backward_cost(p, plan);
  const TileBytes of = tile_bytes(p, plan);
  const int rings = 2 + dO_ring_depth(plan.tiles.head_dim);
  // Both rings of vectors have two slots; dS and dQ are in shared memory as well.
  const std::int64_t shared = rings * of.Q + 2 * of.K + of.P + of.O + 4 * of.vector;
  const std::int64_t dK = fp32_bytes * plan.tiles.key_rows * plan.tiles.head_dim;
  const std::int64_t registers =
      2 * of.S + 2 * of.P + 2 * dK + of.O + gradient_consumers(plan.tiles.key_rows) * of.vector;
  c.on_chip_peak = std::max(p.total_q() > 0 ? row_sums_on_chip(p, plan) : 0,
                            p.total_k() > 0 ? shared + registers : 0);
  return c;
}

}  // namespace flash

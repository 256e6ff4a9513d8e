#include "attention/fp8.h"

#include <algorithm>
#include <bit>

#include "attention/cost/cost.h"
#include "attention/cost/head_size.h"
#include "attention/tensor.h"

namespace flash {
namespace {

using tile::Counters;

// Columns of a row of Q8 and K8, in HBM and in a tile.
struct Rotated {
  std::int64_t columns, padded;

  explicit Rotated(const Problem& p)
      : columns(rotated_dim(p.head_dim)), padded(rotated_dim(padded_head_dim(p.head_dim))) {}

  // The fast transform of a tile, and its factor.
  std::int64_t transform(std::int64_t rows) const {
    return rows * columns * std::bit_width(static_cast<std::uint64_t>(columns));
  }
};

// Reads `rows` rows in the problem's dtype, and writes them in FP8 with the scales of their tiles.
void quantise(Counters& c, tile::TensorId from, tile::TensorId to, const HeadSize& n,
              std::int64_t rows, std::int64_t columns, std::int64_t tiles) {
  c.hbm_read[from] += rows * n.row;
  c.hbm_write[to] += rows * columns;
  c.hbm_write[Tensor::scales] += tiles * fp32_bytes;
}

// K and V of one head; Q follows with its query head.
Counters quantise_keys(const Problem& p, const HeadSize& n) {
  const Rotated rotated(p);
  Counters c;
  quantise(c, Tensor::K, Tensor::K8, n, n.N_k, rotated.columns, n.T_c);
  quantise(c, Tensor::V, Tensor::V8, n, n.N_k, p.head_dim, n.T_c);
  c.flops = n.T_c * rotated.transform(n.B_c);
  return c;
}

Counters query_head(const Problem& p, const Plan& plan, const HeadSize& n) {
  const Rotated rotated(p);
  Counters c;
  quantise(c, Tensor::Q, Tensor::Q8, n, n.N_q, rotated.columns, n.T_r);
  c.flops = n.T_r * rotated.transform(n.B_r);
  const SeenKeys seen = seen_keys(p, n);
  c.hbm_read[Tensor::Q8] = n.N_q * rotated.columns;
  c.hbm_read[Tensor::K8] = seen.keys * rotated.columns;
  c.hbm_read[Tensor::V8] = seen.keys * p.head_dim;
  c.hbm_read[Tensor::scales] =
      consumers_of(plan.tiles.query_rows) * (n.T_r + 2 * seen.tiles) * fp32_bytes;
  c.hbm_write[Tensor::O] = n.N_q * n.row;
  c.hbm_write[Tensor::LSE] = n.N_q * fp32_bytes;
  c.flops += seen.tiles * 2 * n.B_r * n.B_c * (rotated.padded + n.d_pad);
  c.exponentials = seen.tiles * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  return c;
}

void add_workspace(const Problem& p, const Plan& plan, Counters& c) {
  const auto [d_pad, B_r, B_c] = plan.tiles;
  const std::int64_t columns = rotated_dim(p.head_dim);
  c.hbm_workspace[Tensor::Q8] = p.total_q() * p.heads * columns;
  c.hbm_workspace[Tensor::K8] = p.total_k() * p.kv_heads * columns;
  c.hbm_workspace[Tensor::V8] = p.kv_heads * p.head_dim * V8_stride(p.total_k());
  c.hbm_workspace[Tensor::scales] = p.batch * fp32_bytes *
                                    (p.heads * tile::ceil_div(p.seqlen_q, B_r) +
                                     2 * p.kv_heads * tile::ceil_div(p.seqlen_k, B_c));
}

// The larger of the two kernels' tiles. The first has a tile of each of Q, K and V, in registers.
std::int64_t on_chip(const Problem& p, const Plan& plan) {
  const auto [d_pad, B_r, B_c] = plan.tiles;
  const std::int64_t columns = Rotated(p).padded;
  const bool any = std::max(p.seqlen_q, p.seqlen_k) > 0;
  const std::int64_t first = any ? fp32_bytes * ((B_r + B_c) * columns + B_c * d_pad) : 0;
  if (p.total_q() == 0) return first;
  const std::int64_t shared = B_r * columns + plan.ring_depth * B_c * (columns + d_pad);
  const std::int64_t P = B_r * B_c;  // a byte an element
  return std::max(first, shared + P + fp32_bytes * B_r * (B_c + d_pad + 3));
}

}  // namespace

Counters fp8_cost(const Problem& p, const Plan& plan) {
  Counters c;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    const HeadSize n = head_size(p, plan, p.sequence(b));
    const Counters keys = quantise_keys(p, n), queries = query_head(p, plan, n);
    for (std::int64_t h = 0; h < p.kv_heads; ++h) c += keys;
    for (std::int64_t h = 0; h < p.heads; ++h) c += queries;
  }
  add_schedule(p, plan, c);
  add_workspace(p, plan, c);
  c.on_chip_peak = on_chip(p, plan);
  c.launches = 2;
  return c;
}

}  // namespace flash

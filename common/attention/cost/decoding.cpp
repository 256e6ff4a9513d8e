#include <algorithm>

#include "attention/cost/cost.h"
#include "attention/cost/head_size.h"
#include "attention/tensor.h"

namespace flash {
namespace {

using tile::Counters;

// `group` query heads, whose rows share tiles.
void add_group(const Problem& p, const Plan& plan, const HeadSize& n, std::int64_t group,
               DType cache, std::int64_t page_size, Counters& c) {
  const std::int64_t rows = n.N_q * group;
  const SeenKeys seen = seen_keys(p, n, group, page_size);
  c.hbm_read[Tensor::Q] += plan.splits * rows * n.row;
  c.hbm_read[Tensor::K] += seen.keys * p.head_dim * size_in_bytes(cache);
  c.hbm_read[Tensor::V] += seen.keys * p.head_dim * size_in_bytes(cache);
  c.hbm_read[Tensor::pages] += 2 * seen.pages * 4;  // for K and for V
  c.hbm_write[Tensor::O] += rows * n.row;
  c.hbm_write[Tensor::LSE] += rows * fp32_bytes;
  c.flops += seen.tiles * 2 * n.product();
  c.exponentials += seen.tiles * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  if (plan.splits == 1) return;
  for (tile::PerTensor* bytes : {&c.hbm_write, &c.hbm_read}) {
    (*bytes)[Tensor::O_split] += plan.splits * rows * n.row_acc;
    (*bytes)[Tensor::LSE_split] += plan.splits * rows * fp32_bytes;
  }
  // The weight of a split, and of those before.
  c.exponentials += n.T_r * plan.splits * n.B_r * 2;
}

Counters split_cost(const Problem& p, const Plan& plan, std::int64_t group, DType cache,
                    std::int64_t page_size) {
  Counters c;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    const HeadSize n = head_size(p, plan, p.sequence(b), group);
    for (std::int64_t h = 0; h < p.heads; h += group)
      add_group(p, plan, n, group, cache, page_size, c);
  }
  const TileBytes of = tile_bytes(p, plan);
  const std::int64_t first = fused_on_chip(p, plan, 3), second = 2 * of.O + 4 * of.vector;
  c.on_chip_peak = p.total_q() == 0 ? 0 : plan.splits == 1 ? first : std::max(first, second);
  c.launches = plan.splits == 1 ? 1 : 2;
  if (plan.splits > 1) {
    const std::int64_t rows = plan.splits * p.total_q() * p.heads;
    c.hbm_workspace[Tensor::O_split] = rows * p.head_dim * fp32_bytes;
    c.hbm_workspace[Tensor::LSE_split] = rows * fp32_bytes;
  }
  return c;
}

}  // namespace

Counters splits_cost(const Problem& p, const Plan& plan) {
  return split_cost(p, plan, 1, p.dtype, 0);
}

Counters decoding_cost(const Problem& p, const Plan& plan, DType cache, std::int64_t page_size) {
  return split_cost(p, plan, p.heads / p.kv_heads, cache, page_size);
}

Counters decoding_cost(const Problem& p, const Plan& plan) {
  return decoding_cost(p, plan, p.dtype, 0);
}

}  // namespace flash

#include "attention/cost_decoding.h"

#include <algorithm>

#include "attention/head_size.h"
#include "attention/splits.h"

namespace flash {
namespace {

using tile::ceil_div;
using tile::Counters;
using tile::Tensor;

void add_key_head(const Problem& p, const Decoding& d, HeadSize n, Counters& c) {
  const std::int64_t group = p.heads / p.kv_heads, rows = n.N_q * group;
  const SeenKeys seen = seen_keys(p, n, group, d.page_size);
  c.hbm_read[Tensor::Q] += d.splits * rows * n.row;
  c.hbm_read[Tensor::K] += seen.keys * p.head_dim * size_in_bytes(d.dtype);
  c.hbm_read[Tensor::V] += seen.keys * p.head_dim * size_in_bytes(d.dtype);
  c.hbm_read[Tensor::pages] += 2 * seen.pages * 4;  // for K and for V
  c.hbm_write[Tensor::O] += rows * n.row;
  c.hbm_write[Tensor::LSE] += rows * number;
  c.flops += seen.tiles * 2 * n.product();
  c.exponentials += seen.tiles * n.B_r * (n.B_c + 1);  // one more for the rescaling factor
  if (d.splits == 1) return;
  for (tile::PerTensor* bytes : {&c.hbm_write, &c.hbm_read}) {
    (*bytes)[Tensor::O_split] += d.splits * rows * n.row_acc;
    (*bytes)[Tensor::LSE_split] += d.splits * rows * number;
  }
  c.exponentials += n.T_r * d.splits * n.B_r * 2;  // the weight of a split, and of those before
}

}  // namespace

Counters decoding_cost(const Problem& p, const Decoding& decoding) {
  Decoding d = decoding;
  if (d.splits == 0) d.splits = num_splits(p, d.dtype);
  const std::int64_t group = p.heads / p.kv_heads;
  auto [B_r, B_c, d_pad] = tile_shape(p);
  const std::int64_t rows = p.seqlen_q * group;
  B_r = packed_query_rows(static_cast<int>(d_pad), rows);
  B_c = packed_key_rows(static_cast<int>(d_pad), rows);
  Counters c;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    HeadSize n = head_size(p, p.sequence(b));
    n.B_r = B_r;
    n.B_c = B_c;
    n.T_r = ceil_div(n.N_q * group, B_r);
    for (std::int64_t h = 0; h < p.kv_heads; ++h) add_key_head(p, d, n, c);
  }
  const std::int64_t first =
      shared_bytes(p, B_r + 2 * B_c) + number * (B_r * B_c + B_r * d_pad + 3 * B_r);
  const std::int64_t second = number * (2 * B_r * d_pad + 4 * B_r);
  c.on_chip_peak = p.total_q() == 0 ? 0 : d.splits == 1 ? first : std::max(first, second);
  c.launches = d.splits == 1 ? 1 : 2;
  if (d.splits > 1) {
    c.hbm_workspace[Tensor::O_split] = d.splits * p.total_q() * p.heads * p.head_dim * number;
    c.hbm_workspace[Tensor::LSE_split] = d.splits * p.total_q() * p.heads * number;
  }
  return c;
}

Counters decoding_cost(const Problem& p) {
  return decoding_cost(p, {.dtype = p.dtype});
}

}  // namespace flash

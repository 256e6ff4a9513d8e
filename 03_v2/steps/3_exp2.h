// exp becomes exp2: one fused multiply-add scales a score and subtracts the maximum.
//
// What changed from step 2: S and m stay unscaled, and e^(x/√d - m/√d) = 2^(c (x - m)) with
// c = log2(e)/√d. What it costs: the traffic of step 2; a pass over S less for every key tile.
//
// What to look at: `scale(S, ...)` is gone, and `scale_log2` is in both exponentials. m is the
// maximum of unscaled scores now, so the LSE has to scale it.
//
// Run it: ./ladder run --stage 03/3
#pragma once

#include "attention/kernel.h"

namespace stage_03_v2_step_3 {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;  // a sequence shorter than the longest

    LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
    RightTile<Block, KeyRows, HeadDim> K(block, "K"), V(block, "V");
    Accumulator<Block, QueryRows, KeyRows> S(block, "S");
    Operand<Block, QueryRows, KeyRows> P(block, "P");
    Accumulator<Block, QueryRows, HeadDim> O(block, "O");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");

    load(Q, hbm.Q, first_query);
    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);

    const float scale_log2 = args.scale * std::numbers::log2e_v<float>;

    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);

      mma_ABt(S, Q, K);
      mask_end(S, hbm.keys - first_key);
      if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

      copy(rescale, row_max);
      update_row_max(row_max, S);
      exp2_difference(rescale, row_max, scale_log2);
      exp2_difference(S, row_max, scale_log2);

      multiply_rows(row_sum, rescale);
      add_row_sum(row_sum, S);
      convert(P, S);
      mma_AB(O, P, V, rescale);
    }

    divide_rows(O, row_sum);
    store(hbm.O, first_query, O);
    log_sum_exp(row_sum, row_max, row_sum, args.scale);
    store(hbm.LSE, first_query, row_sum);
  }
};

template <class Device>
void forward(Device& device, AttentionArgs args) {
  with_tiles(plan_of(args).tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex grid = {ceil_div(args.seqlen_q, QueryRows), args.heads, args.batch};
    launch<Attention<HeadDim, QueryRows, KeyRows>>(device, "attention", grid, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "03/3_exp2",
          .idea = "exp2, with the scale folded in",
          .passes = {forward_pass(forward<Device>, loops_cost)}};
}

}  // namespace stage_03_v2_step_3

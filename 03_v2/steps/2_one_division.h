// One division: O stays un-normalised until the last key.
//
// What changed from step 1: O = e^(m_old - m_new) O + P V in the loop, and O / l behind it. What it
// costs: the traffic of step 1; N d divisions a head less for every key tile. The multiplication by
// the factor stays, and one by l is left out of it.
//
// What to look at: Where `divide_rows` stands. The factor of O is now `rescale` alone.
//
// Run it: ./ladder run --stage 03/2
#pragma once

#include "attention/kernel.h"

namespace stage_03_v2_step_2 {

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

    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);

      mma_ABt(S, Q, K);
      scale(S, args.scale);
      mask_end(S, hbm.keys - first_key);
      if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

      copy(rescale, row_max);
      update_row_max(row_max, S);
      exp_difference(rescale, row_max);
      exp_difference(S, row_max);

      multiply_rows(row_sum, rescale);
      add_row_sum(row_sum, S);
      convert(P, S);
      mma_AB(O, P, V, rescale);
    }

    divide_rows(O, row_sum);
    store(hbm.O, first_query, O);
    log_sum_exp(row_sum, row_max, row_sum);
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
  return {.name = "03/2_one_division",
          .idea = "O is divided by l once, at the end",
          .passes = {forward_pass(forward<Device>, loops_cost)}};
}

}  // namespace stage_03_v2_step_2

// Fusion alone: one kernel, in which S and P never leave the chip.
//
// What changed from 00: the three kernels become one, and a block keeps its tile of Q. Softmax
// needs the row's maximum before the first exponential, so the keys are swept twice: first for m,
// then for P = e^(S - m), l and O. What it costs: per head N d + 3 T_r N d elements read, since K
// is read in both sweeps, and N d written; Q Kᵀ twice; no workspace.
//
// What to look at: S is stored nowhere. Sweep 2 makes it again, knows m, and ends with P V.
//
// Run it: ./ladder run --stage 01/1
#pragma once

#include "attention/kernel.h"

namespace stage_01_v1_tiling_step_1 {

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
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l");

    load(Q, hbm.Q, first_query);
    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);

    // Sweep 1: the row maximum.
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(K, hbm.K, first_key);

      mma_ABt(S, Q, K);
      scale(S, args.scale);
      mask_end(S, hbm.keys - first_key);
      if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

      update_row_max(row_max, S);
    }

    // Sweep 2: exponentials against the known maximum, their sum, and O.
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);

      mma_ABt(S, Q, K);
      scale(S, args.scale);
      mask_end(S, hbm.keys - first_key);
      if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

      exp_difference(S, row_max);
      add_row_sum(row_sum, S);
      convert(P, S);
      mma_AB(O, P, V);
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
  return {.name = "01/1_fused",
          .idea = "one kernel: S and P stay on chip",
          .passes = {forward_pass(forward<Device>, fused_cost)}};
}

}  // namespace stage_01_v1_tiling_step_1

// Tiling: S and P never leave the chip; the row maximum is found in a sweep of its own.
//
// What changed from 00: one kernel instead of three. Softmax needs the row's maximum before the
// first exponential, so the keys are swept twice: first for m, then for P = e^(S - m), l and O. Q
// Kᵀ is computed twice. K and V are the outer loop, as in FlashAttention-1, and O and l wait in HBM
// for the next key tile. What it costs: 4 N² d / B_c elements, Q in both sweeps and O in and out,
// once a key tile; S and P cost 4 N², so tiles of B_c > d keys pay. The two sweeps are didactic;
// Dao et al., FlashAttention (arXiv:2205.14135), section 3.1, has the tiling.
//
// What to look at: The loops over the queries move inside those over the keys. What a block kept on
// chip before is loaded and stored in them.
//
// Run it: ./ladder run --stage 01
#pragma once

#include "attention/kernel.h"

namespace stage_01_v1_tiling {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [head, batch, unused] = block.position();
    const Head hbm = args.head(batch, head);

    LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
    RightTile<Block, KeyRows, HeadDim> K(block, "K"), V(block, "V");
    Accumulator<Block, QueryRows, KeyRows> S(block, "S");
    Operand<Block, QueryRows, KeyRows> P(block, "P");
    Accumulator<Block, QueryRows, HeadDim> O(block, "O");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l");

    // O = 0, m = -inf, l = 0 in HBM.
    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);
    for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
      store(hbm.O_acc, first_query, O);
      store(hbm.m, first_query, row_max);
      store(hbm.l, first_query, row_sum);
    }

    // Sweep 1: the row maximum. An empty sequence of keys has one tile, all of it masked.
    const std::int64_t last_key = std::max<std::int64_t>(hbm.keys - 1, 0) / KeyRows * KeyRows;
    for (std::int64_t first_key = 0; first_key <= last_key; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
        // [1] The maximum of the tiles so far.
        load(Q, hbm.Q, first_query);
        load(row_max, hbm.m, first_query);

        mma_ABt(S, Q, K);
        scale(S, args.scale);
        mask_end(S, hbm.keys - first_key);
        if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

        update_row_max(row_max, S);
        store(hbm.m, first_query, row_max);
      }
    }

    // Sweep 2: exponentials against the known maximum, their sum, and O.
    for (std::int64_t first_key = 0; first_key <= last_key; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);
      for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
        load(Q, hbm.Q, first_query);
        load(O, hbm.O_acc, first_query);
        load(row_max, hbm.m, first_query);
        load(row_sum, hbm.l, first_query);

        mma_ABt(S, Q, K);
        scale(S, args.scale);
        mask_end(S, hbm.keys - first_key);
        if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

        // [2] P, its sum, and what it adds to O.
        exp_difference(S, row_max);
        add_row_sum(row_sum, S);
        convert(P, S);
        mma_AB(O, P, V);

        // [3] O and l wait in HBM, or are done.
        if (first_key < last_key) {
          store(hbm.O_acc, first_query, O);
          store(hbm.l, first_query, row_sum);
        } else {
          divide_rows(O, row_sum);
          store(hbm.O, first_query, O);
          log_sum_exp(row_sum, row_max, row_sum);
          store(hbm.LSE, first_query, row_sum);
        }
      }
    }
  }
};

template <class Device>
void forward(Device& device, AttentionArgs args) {
  args.O_acc = accumulator_workspace(device, args);
  args.m = row_workspace(device, Tensor::m, args);
  args.l = row_workspace(device, Tensor::l, args);
  with_tiles(plan_of(args).tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex grid = {args.heads, args.batch, 1};
    launch<Attention<HeadDim, QueryRows, KeyRows>>(device, "attention", grid, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "01_v1_tiling",
          .idea = "S and P stay on chip; two sweeps over the keys",
          .passes = {forward_pass(forward<Device>, tiling_cost)}};
}

}  // namespace stage_01_v1_tiling

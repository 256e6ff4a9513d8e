// FlashAttention-1: the softmax is corrected as the maximum moves, so one sweep is enough.
//
// What changed from 01: m is a running maximum. When it moves, what was summed under the old one is
// multiplied by e^(m_old - m_new): O and l stay right after every key tile, and O is normalised.
// What it costs: Q Kᵀ is computed once; per head T_c (2 N d read + N d written) + 2 N d elements,
// T_c being the number of key tiles, and beside them 4 T_c N numbers of m and l. Dao et al.,
// FlashAttention (arXiv:2205.14135), Algorithm 1.
//
// Run it: ./ladder run --stage 02
#pragma once

#include "attention/kernel.h"

namespace stage_02_online_softmax {

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
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");

    // Line 2: O = 0, m = -inf, l = 0 in HBM.
    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);
    for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
      store(hbm.O_acc, first_query, O);
      store(hbm.m, first_query, row_max);
      store(hbm.l, first_query, row_sum);
    }

    // Lines 5 to 15. An empty sequence of keys has one tile, all of it masked.
    const std::int64_t last_key = std::max<std::int64_t>(hbm.keys - 1, 0) / KeyRows * KeyRows;
    for (std::int64_t first_key = 0; first_key <= last_key; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);
      for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
        // [1] What waits in HBM between two key tiles.
        load(Q, hbm.Q, first_query);
        load(O, hbm.O_acc, first_query);
        load(row_max, hbm.m, first_query);
        load(row_sum, hbm.l, first_query);

        mma_ABt(S, Q, K);
        scale(S, args.scale);
        mask_end(S, hbm.keys - first_key);
        if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

        // [2] The maximum moves.
        copy(rescale, row_max);
        update_row_max(row_max, S);
        exp_difference(rescale, row_max);
        exp_difference(S, row_max);

        // [3] l and O of the tiles so far.
        // Line 12: O = (l e^(m_old - m_new) O + P V) / l_new.
        multiply_rows(row_sum, rescale);
        multiply_rows(O, row_sum);
        add_row_sum(row_sum, S);
        if (args.dropout > 0) drop(S, hbm.dropout, first_query, first_key);
        convert(P, S);
        mma_AB(O, P, V);
        divide_rows(O, row_sum);

        if (first_key < last_key) {
          store(hbm.O_acc, first_query, O);
          store(hbm.m, first_query, row_max);
          store(hbm.l, first_query, row_sum);
        } else {
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
  return {.name = "02_online_softmax",
          .idea = "one sweep: running maximum and sum, O rescaled",
          .passes = {forward_pass(forward<Device>, online_softmax_cost)}};
}

}  // namespace stage_02_online_softmax

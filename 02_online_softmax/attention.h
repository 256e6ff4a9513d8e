// FlashAttention-1: the softmax is corrected as the maximum moves, so one sweep is enough.
//
// What changed from 01: m is a running maximum. When it moves, what was summed under the old one is
// multiplied by e^(m_old - m_new): O and l stay right after every key tile, and O is normalised.
// What it costs: T_c (2 N d read + N d written) + 2 N d elements per head; Q Kᵀ is computed once.
// Dao et al., FlashAttention (arXiv:2205.14135), Algorithm 1. Run it: ./ladder run --stage
// 02_online_softmax
#pragma once

#include "stages/stage.h"

namespace stage_02_online_softmax {

using namespace tile;
using namespace flash;

template <class Block, int HeadDim, int QueryRows, int KeyRows>
TILE_KERNEL void attention(Block& block, const AttentionArgs& args) {
  const auto [head, batch, unused] = block.position();
  const Head hbm = args.head(batch, head);

  LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
  RightTile<Block, KeyRows, HeadDim> K(block, "K"), V(block, "V");
  Accumulator<Block, QueryRows, KeyRows> S(block, "S");
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
      load(Q, hbm.Q, first_query);
      load(O, hbm.O_acc, first_query);
      load(row_max, hbm.m, first_query);
      load(row_sum, hbm.l, first_query);

      mma_ABt(S, Q, K);
      scale(S, args.scale);
      mask_end(S, hbm.keys - first_key);
      if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

      copy(rescale, row_max);
      update_row_max(row_max, S);
      exp_difference(rescale, row_max);
      exp_difference(S, row_max);
      auto& P = S;

      // Line 12: O = (l e^(m_old - m_new) O + P V) / l_new.
      multiply_rows(row_sum, rescale);
      multiply_rows(O, row_sum);
      add_row_sum(row_sum, P);
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

inline void forward(Device& device, AttentionArgs args) {
  args.O_acc = accumulator_workspace(device, args);
  args.m = row_workspace(device, Tensor::m, args);
  args.l = row_workspace(device, Tensor::l, args);
  with_tiles(args.head_dim, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex grid = {args.heads, args.batch, 1};
    device.launch("attention", grid, args.dtype, [&]<class Block>(Block& block) {
      attention<Block, HeadDim, QueryRows, KeyRows>(block, args);
    });
  });
}

ATTENTION_STAGE("02_online_softmax", "one sweep: running maximum and sum, O rescaled", forward,
                online_softmax_cost);

}  // namespace stage_02_online_softmax

// Tiling: S and P never leave the chip; the row maximum is found in a sweep of its own.
//
// What changed from 00: one kernel instead of three. Softmax needs the row's maximum before the
// first exponential, so the keys are swept twice: first for m, then for P = e^(S - m), l and O. Q
// Kᵀ is computed twice. K and V are the outer loop, as in FlashAttention-1, and O and l wait in HBM
// for the next key tile. What it costs: no N² term; Q once per sweep and key tile, O, m and l
// through HBM. Dao et al., FlashAttention (arXiv:2205.14135), section 3.1. Run it: ./ladder run
// --stage 01_v1_tiling
#pragma once

#include "stages/stage.h"

namespace stage_01_v1_tiling {

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

      exp_difference(S, row_max);
      auto& P = S;
      add_row_sum(row_sum, P);
      mma_AB(O, P, V);

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

ATTENTION_STAGE("01_v1_tiling", "S and P stay on chip; two sweeps over the keys", forward,
                tiling_cost);

}  // namespace stage_01_v1_tiling

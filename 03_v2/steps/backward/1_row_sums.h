// The row sums D are computed once, in a kernel of their own.
//
// What changed from 02: D = rowsum(dO O) depends on no key, so a first kernel computes it, a number
// a row, and sets dQ to 0 on the way. What it costs: O is read once, not T_c times; instead 4 bytes
// of D a row for each tile of keys, and a launch.
//
// What to look at: `load(D, ...)` stands where `load(O, ...)` and `row_products` stood, and the
// tile of O is gone from shared memory.
//
// Run it: ./ladder run --stage 03/backward/1
#pragma once

#include "attention/backward_kernel.h"

namespace stage_03_v2_backward_step_1 {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows>
struct RowSums {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const GradientHead hbm = gradient_head(args, batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;  // a sequence shorter than the longest

    RightTile<Block, QueryRows, HeadDim> O(block, "O"), dO(block, "dO");
    ColumnVector<Block, QueryRows> D(block, "D");
    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");

    // [1] D = rowsum(dO O), and dQ = 0.
    load(O, hbm.O, first_query);
    load(dO, hbm.dO, first_query);
    row_products(D, dO, O);
    store(hbm.D, first_query, D);
    fill(dQ, 0);
    store(hbm.dQ_acc, first_query, dQ);
  }
};

template <int HeadDim, int QueryRows, int KeyRows>
struct Gradients {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [kv_head, batch, unused] = block.position();
    const std::int64_t first_head = kv_head * args.group();
    const GradientHead keys = gradient_head(args, batch, first_head);

    SharedTile<Block, KeyRows, HeadDim> K(block, "K");
    LeftTile<Block, KeyRows, HeadDim> V(block, "V");
    RightTile<Block, QueryRows, HeadDim> Q(block, "Q"), dO(block, "dO");
    Accumulator<Block, KeyRows, QueryRows> S_t(block, "S^T"), dP_t(block, "dP^T");
    Operand<Block, KeyRows, QueryRows> P_t(block, "P^T"), dS_t(block, "dS^T");
    Operand<Block, QueryRows, KeyRows> dS(block, "dS");
    Accumulator<Block, KeyRows, HeadDim> dK(block, "dK"), dV(block, "dV");
    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");
    ColumnVector<Block, QueryRows> LSE(block, "LSE"), D(block, "D");

    // Lines 6 to 24. An empty sequence of keys has one tile, all of it masked.
    const std::int64_t last_key = std::max<std::int64_t>(keys.keys - 1, 0) / KeyRows * KeyRows;
    for (std::int64_t first_key = 0; first_key <= last_key; first_key += KeyRows) {
      load(K, keys.K, first_key);
      load(V, keys.V, first_key);
      fill(dK, 0);
      fill(dV, 0);
      for (std::int64_t head = first_head; head < first_head + args.group(); ++head) {
        const GradientHead hbm = gradient_head(args, batch, head);
        for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
          load(Q, hbm.Q, first_query);
          load(dO, hbm.dO, first_query);
          load(dQ, hbm.dQ_acc, first_query);
          load(LSE, hbm.LSE, first_query);
          load(D, hbm.D, first_query);

          // [2] P again. Keys past the end would score 0, which may lie far above LSE.
          mma_ABt(S_t, K, Q);
          scale(S_t, args.scale);
          mask_end_rows(S_t, hbm.keys - first_key);
          if (args.causal) mask_causal_rows(S_t, first_query + hbm.diagonal - first_key);
          exp_difference(S_t, LSE);

          // [3] dS = scale P (dP - D).
          mma_ABt(dP_t, V, dO);
          if (args.dropout > 0) drop_transposed(dP_t, hbm.dropout, first_query, first_key);
          subtract_columns(dP_t, D);
          multiply(dP_t, S_t);
          scale(dP_t, args.scale);

          // [4] The sums over queries stay here, the one over keys goes back to HBM.
          convert(P_t, S_t);
          if (args.dropout > 0) drop_transposed(P_t, hbm.dropout, first_query, first_key);
          mma_AB(dV, P_t, dO);
          transpose(dS, dP_t);
          convert(dS_t, dP_t);
          mma_AB(dK, dS_t, Q);
          mma_AB(dQ, dS, K);
          if (first_key < last_key)
            store(hbm.dQ_acc, first_query, dQ);
          else
            store(hbm.dQ, first_query, dQ);
        }
      }
      if (keys.keys == 0) continue;
      store(keys.dK, first_key, dK);
      store(keys.dV, first_key, dV);
    }
  }
};

template <class Device>
void backward(Device& device, AttentionArgs args) {
  args.gradient.dQ_acc = dQ_workspace(device, args);
  args.gradient.D = row_workspace(device, Tensor::D, args);
  const TileShape tiles = backward_plan(args).tiles;
  with_backward_tiles(tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex queries = {ceil_div(args.seqlen_q, QueryRows), args.heads, args.batch};
    const GridIndex grid = {args.kv_heads, args.batch, 1};
    launch<RowSums<HeadDim, QueryRows>>(device, "row sums", queries, args.dtype, args);
    launch<Gradients<HeadDim, QueryRows, KeyRows>>(device, "gradients", grid, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "03/backward/1_row_sums",
          .idea = "D once, in a kernel of its own",
          .passes = {backward_pass(backward<Device>, row_sums_backward_cost)}};
}

}  // namespace stage_03_v2_backward_step_1

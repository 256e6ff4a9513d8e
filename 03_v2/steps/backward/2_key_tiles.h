// A block for each tile of keys: one head fills a GPU, and dQ is added up in HBM.
//
// What changed from step 1: The loop over the keys has become the grid. Its turns share dQ alone,
// so each block adds its part to it by atomic additions, whenever it comes to it; a third kernel
// converts dQ where its type is not fp32. What it costs: what step 1 moves, as an addition reads
// and writes, and in 16 bits N d of fp32 once more in each direction. The order of the additions is
// not known, so the last bits of dQ differ from run to run.
//
// What to look at: `dQ` is not loaded any more. It begins with 0, and what goes to HBM is one
// tile's part of the sum; dK and dV are whole when the loop ends, as before.
//
// Run it: ./ladder run --stage 03/backward/2
#pragma once

#include "attention/backward_kernel.h"

namespace stage_03_v2_backward_step_2 {

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
    const auto [key_tile, kv_head, batch] = block.position();
    const std::int64_t first_head = kv_head * args.group(), first_key = key_tile * KeyRows;
    const GradientHead keys = gradient_head(args, batch, first_head);
    if (first_key >= keys.keys) return;

    SharedTile<Block, KeyRows, HeadDim> K(block, "K");
    LeftTile<Block, KeyRows, HeadDim> V(block, "V");
    RightTile<Block, QueryRows, HeadDim> Q(block, "Q"), dO(block, "dO");
    Accumulator<Block, KeyRows, QueryRows> S_t(block, "S^T"), dP_t(block, "dP^T");
    Operand<Block, KeyRows, QueryRows> P_t(block, "P^T"), dS_t(block, "dS^T");
    Operand<Block, QueryRows, KeyRows> dS(block, "dS");
    Accumulator<Block, KeyRows, HeadDim> dK(block, "dK"), dV(block, "dV");
    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");
    ColumnVector<Block, QueryRows> LSE(block, "LSE"), D(block, "D");

    load(K, keys.K, first_key);
    load(V, keys.V, first_key);
    fill(dK, 0);
    fill(dV, 0);

    for (std::int64_t head = first_head; head < first_head + args.group(); ++head) {
      const GradientHead hbm = gradient_head(args, batch, head);
      for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
        load(Q, hbm.Q, first_query);
        load(dO, hbm.dO, first_query);
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

        // [4] Sums over queries stay here, the one over keys goes to HBM.
        convert(P_t, S_t);
        if (args.dropout > 0) drop_transposed(P_t, hbm.dropout, first_query, first_key);
        mma_AB(dV, P_t, dO);
        transpose(dS, dP_t);
        convert(dS_t, dP_t);
        mma_AB(dK, dS_t, Q);
        fill(dQ, 0);
        mma_AB(dQ, dS, K);
        atomic_add(hbm.dQ_acc, first_query, dQ);
      }
    }
    store(keys.dK, first_key, dK);
    store(keys.dV, first_key, dV);
  }
};

// dQ in the problem's type, where that is not fp32.
template <int HeadDim, int QueryRows>
struct Convert {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const GradientHead hbm = gradient_head(args, batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;

    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");
    load(dQ, hbm.dQ_acc, first_query);
    store(hbm.dQ, first_query, dQ);
  }
};

template <class Device>
void backward(Device& device, AttentionArgs args) {
  args.gradient.dQ_acc = dQ_workspace(device, args);
  args.gradient.D = row_workspace(device, Tensor::D, args);
  const TileShape tiles = backward_plan(args).tiles;
  with_backward_tiles(tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex queries = {ceil_div(args.seqlen_q, QueryRows), args.heads, args.batch};
    const GridIndex keys = {ceil_div(args.seqlen_k, KeyRows), args.kv_heads, args.batch};
    launch<RowSums<HeadDim, QueryRows>>(device, "row sums", queries, args.dtype, args);
    launch<Gradients<HeadDim, QueryRows, KeyRows>>(device, "gradients", keys, args.dtype, args);
    if (args.dtype != DType::f32)
      launch<Convert<HeadDim, QueryRows>>(device, "convert", queries, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "03/backward/2_key_tiles",
          .idea = "a block for each tile of keys; they add up dQ in HBM",
          .passes = {backward_pass(backward<Device>, key_tiles_backward_cost)},
          .any_order = true};
}

}  // namespace stage_03_v2_backward_step_2

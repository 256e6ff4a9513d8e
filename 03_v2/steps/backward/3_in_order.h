// In order, where that is asked for: the tiles of keys add to dQ one after the other.
//
// What changed from step 2: With `deterministic` a number in HBM for each tile of queries says
// which tile of keys adds to it next. A block waits for its turn, and passes it on: the same bits
// in every run. What it costs: 4 bytes read and 4 written for each pair of tiles, and waiting;
// without `deterministic` nothing.
//
// What to look at: How little stands between the two turns. The five products of a tile are done
// when its block begins to wait.
//
// Run it: ./ladder run --stage 03/backward/3 --deterministic
#pragma once

#include "attention/backward_kernel.h"

namespace stage_03_v2_backward_step_3 {

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
    if (args.deterministic) first_turn(block, hbm.turns, query_tile);
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
        const std::int64_t query_tile = first_query / QueryRows;
        if (args.deterministic) wait_turn(block, hbm.turns, query_tile, key_tile);
        atomic_add(hbm.dQ_acc, first_query, dQ);
        if (args.deterministic) pass_turn(block, hbm.turns, query_tile);
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
  allocate_turns(device, args, tiles.query_rows);
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
  return {.name = "03/backward/3_in_order",
          .idea = "blocks add to dQ in turn, if asked to",
          .passes = {backward_pass(backward<Device>, key_tiles_backward_cost)}};
}

}  // namespace stage_03_v2_backward_step_3

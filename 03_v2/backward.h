// FlashAttention-2, the backward pass: dQ, dK and dV by recomputation, from LSE alone.
//
// A block owns keys: dK and dV of its tile stay on chip, and the queries stream past them. P is
// computed again, as e^(S - LSE): no maximum, no rescaling. dQ is a sum over the key tiles, which
// are different blocks, so it is added up in HBM: in any order, or (args.deterministic) in that of
// the keys, a block after the other. What it costs: 5 products where the forward pass has 2; per
// head T_c (2 N d + N d fp32) + 4 N d elements read and (T_c + 1) N d fp32 + 2 N d written. Dao,
// FlashAttention-2 (arXiv:2307.08691), Algorithm 2; its dK = Q dS^T is to be read dS^T Q.
//
// S and dP are computed transposed, keys in rows, so that P^T and dS^T are left operands of dV and
// dK as they are; FlashAttention-3 does so too (its SdP_swapAB).
//
// What to look at: Tiles above the diagonal are skipped: the loop begins at `first_tile`, that of
// the first query that sees a key of the block. From `sees_all` on no query needs the causal mask.
//
// Run it: ./ladder run --stage 03 --backward
#pragma once

#include "attention/backward_kernel.h"

namespace stage_03_v2 {

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

    // The first query that sees a key of the tile, and the first that sees all of them.
    const std::int64_t sees_one = args.causal ? first_key - keys.diagonal : 0;
    const std::int64_t sees_all = args.causal ? sees_one + KeyRows - 1 : 0;
    const std::int64_t first_tile = std::max<std::int64_t>(sees_one, 0) / QueryRows * QueryRows;
    const float scale_log2 = args.scale * std::numbers::log2e_v<float>;

    for (std::int64_t head = first_head; head < first_head + args.group(); ++head) {
      const GradientHead hbm = gradient_head(args, batch, head);
      for (std::int64_t first_query = first_tile; first_query < hbm.queries;
           first_query += QueryRows) {
        load(Q, hbm.Q, first_query);
        load(dO, hbm.dO, first_query);
        load(LSE, hbm.LSE, first_query);
        load(D, hbm.D, first_query);

        // [2] P again. Keys past the end would score 0, which may lie far above LSE.
        mma_ABt(S_t, K, Q);
        if (first_query < sees_all) mask_causal_rows(S_t, first_query - sees_one);
        if (first_key + KeyRows > hbm.keys) mask_end_rows(S_t, hbm.keys - first_key);
        scale(LSE, 1 / args.scale);
        exp2_difference(S_t, LSE, scale_log2);

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
Pass backward_pass() {
  return flash::backward_pass(backward<Device>, v2_backward_cost);
}

}  // namespace stage_03_v2

// FlashAttention-1, the backward pass: dQ, dK and dV by recomputation, nothing of N x N is stored.
//
// What changed from 00: S and P are computed again, tile by tile. P = e^(S - LSE) needs no running
// maximum, as LSE is known by now; so D, the other number a row needs, is dO . O in place of the
// sum of P dP. Keys are outside, as in the forward pass: dK and dV stay on chip, dQ waits in HBM
// between two key tiles. What it costs: per head T_c (3 N d read + N d fp32 read and written) + 4 N
// d elements, and 5 products where the forward pass has 2. Dao et al., FlashAttention
// (arXiv:2205.14135), Algorithm 4, which keeps m and l; its code keeps LSE = m + ln l, as here.
//
// S and dP are computed transposed, keys in rows, so that P^T and dS^T are left operands of dV and
// dK as they are.
//
// Run it: ./ladder run --stage 02 --backward
#pragma once

#include "attention/backward_kernel.h"

namespace stage_02_online_softmax {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Gradients {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [kv_head, batch, unused] = block.position();
    const std::int64_t first_head = kv_head * args.group();
    const GradientHead keys = gradient_head(args, batch, first_head);

    SharedTile<Block, KeyRows, HeadDim> K(block, "K");
    LeftTile<Block, KeyRows, HeadDim> V(block, "V");
    RightTile<Block, QueryRows, HeadDim> Q(block, "Q"), dO(block, "dO"), O(block, "O");
    Accumulator<Block, KeyRows, QueryRows> S_t(block, "S^T"), dP_t(block, "dP^T");
    Operand<Block, KeyRows, QueryRows> P_t(block, "P^T"), dS_t(block, "dS^T");
    Operand<Block, QueryRows, KeyRows> dS(block, "dS");
    Accumulator<Block, KeyRows, HeadDim> dK(block, "dK"), dV(block, "dV");
    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");
    ColumnVector<Block, QueryRows> LSE(block, "LSE"), D(block, "D");

    // Line 5: dQ = 0 in HBM.
    fill(dQ, 0);
    for (std::int64_t head = first_head; head < first_head + args.group(); ++head) {
      const GradientHead hbm = gradient_head(args, batch, head);
      for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows)
        store(hbm.dQ_acc, first_query, dQ);
    }

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
          load(O, hbm.O, first_query);
          load(dO, hbm.dO, first_query);
          load(dQ, hbm.dQ_acc, first_query);
          load(LSE, hbm.LSE, first_query);

          // [1] P again. Keys past the end would score 0, which may lie far above LSE.
          mma_ABt(S_t, K, Q);
          scale(S_t, args.scale);
          mask_end_rows(S_t, hbm.keys - first_key);
          if (args.causal) mask_causal_rows(S_t, first_query + hbm.diagonal - first_key);
          exp_difference(S_t, LSE);

          // [2] dS = scale P (dP - D), with D = rowsum(dO O).
          row_products(D, dO, O);
          mma_ABt(dP_t, V, dO);
          if (args.dropout > 0) drop_transposed(dP_t, hbm.dropout, first_query, first_key);
          subtract_columns(dP_t, D);
          multiply(dP_t, S_t);
          scale(dP_t, args.scale);

          // [3] The sums over queries stay here, the one over keys goes back to HBM.
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
  const TileShape tiles = backward_plan(args).tiles;
  with_backward_tiles(tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex grid = {args.kv_heads, args.batch, 1};
    launch<Gradients<HeadDim, QueryRows, KeyRows>>(device, "gradients", grid, args.dtype, args);
  });
}

template <class Device>
Pass backward_pass() {
  return flash::backward_pass(backward<Device>, online_softmax_backward_cost);
}

}  // namespace stage_02_online_softmax

// Standard attention, the backward pass: five kernels, and P, dP and dS go through HBM.
//
// The forward pass has left P = e^(S - m) and l in HBM; a framework keeps them from there to here.
// Kernel 1 computes dV = P^T dO, kernel 2 dP = dO V^T, kernel 3 dS = scale P (dP - rowsum(P dP)),
// which is the derivative of the softmax, kernel 4 dQ = dS K and kernel 5 dK = dS^T Q. What it
// costs: P is read three times, dP written once and read twice, dS written once and read twice, N^2
// elements each; and the N^2 workspaces of P, dP and dS. Dao et al., FlashAttention
// (arXiv:2205.14135), Algorithm 3.
//
// Run it: ./ladder run --stage 00 --backward
#pragma once

#include "attention/backward_kernel.h"

namespace stage_00_naive {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct ValueGradient {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [key_tile, kv_head, batch] = block.position();
    const std::int64_t first_head = kv_head * args.group(), first_key = key_tile * KeyRows;
    const GradientHead keys = gradient_head(args, batch, first_head);
    if (first_key >= keys.keys) return;  // a sequence shorter than the longest

    RightTile<Block, QueryRows, HeadDim> dO(block, "dO");
    Accumulator<Block, KeyRows, QueryRows> weights(block, "P^T l");
    Operand<Block, KeyRows, QueryRows> P_t(block, "P^T");
    Accumulator<Block, KeyRows, HeadDim> dV(block, "dV");
    ColumnVector<Block, QueryRows> row_sum(block, "l");

    // [1] dV = P^T dO, a sum over the queries of all heads that share V.
    fill(dV, 0);
    for (std::int64_t head = first_head; head < first_head + args.group(); ++head) {
      const GradientHead hbm = gradient_head(args, batch, head);
      for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
        load_transposed(weights, hbm.P, first_query, first_key);
        load(row_sum, hbm.l, first_query);
        load(dO, hbm.dO, first_query);
        divide_columns(weights, row_sum);
        if (args.dropout > 0) drop_transposed(weights, hbm.dropout, first_query, first_key);
        convert(P_t, weights);
        mma_AB(dV, P_t, dO);
      }
    }
    store(keys.dV, first_key, dV);
  }
};

template <int HeadDim, int QueryRows, int KeyRows>
struct WeightGradient {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const GradientHead hbm = gradient_head(args, batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;

    LeftTile<Block, QueryRows, HeadDim> dO(block, "dO");
    RightTile<Block, KeyRows, HeadDim> V(block, "V");
    Accumulator<Block, QueryRows, KeyRows> dP(block, "dP");

    // [2] dP = dO V^T.
    load(dO, hbm.dO, first_query);
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(V, hbm.V, first_key);
      mma_ABt(dP, dO, V);
      if (args.dropout > 0) drop(dP, hbm.dropout, first_query, first_key);
      store(hbm.dP, first_query, first_key, dP);
    }
  }
};

template <int QueryRows, int KeyRows>
struct ScoreGradient {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const GradientHead hbm = gradient_head(args, batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;

    Accumulator<Block, QueryRows, KeyRows> P(block, "P"), dP(block, "dP");
    RowVector<Block, QueryRows> row_sum(block, "l"), D(block, "D");

    // [3] D = rowsum(P dP), in a sweep of its own.
    load(row_sum, hbm.l, first_query);
    fill(D, 0);
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(P, hbm.P, first_query, first_key);
      load(dP, hbm.dP, first_query, first_key);
      divide_rows(P, row_sum);
      multiply(P, dP);
      add_row_sum(D, P);
    }

    // [4] dS = scale P (dP - D).
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(P, hbm.P, first_query, first_key);
      load(dP, hbm.dP, first_query, first_key);
      divide_rows(P, row_sum);
      subtract_rows(dP, D);
      multiply(dP, P);
      scale(dP, args.scale);
      store(hbm.dS, first_query, first_key, dP);
    }
  }
};

template <int HeadDim, int QueryRows, int KeyRows>
struct QueryGradient {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const GradientHead hbm = gradient_head(args, batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;

    RightTile<Block, KeyRows, HeadDim> K(block, "K");
    Operand<Block, QueryRows, KeyRows> dS(block, "dS");
    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");

    // [5] dQ = dS K.
    fill(dQ, 0);
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(dS, hbm.dS, first_query, first_key);
      load(K, hbm.K, first_key);
      mma_AB(dQ, dS, K);
    }
    store(hbm.dQ, first_query, dQ);
  }
};

template <int HeadDim, int QueryRows, int KeyRows>
struct KeyGradient {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [key_tile, kv_head, batch] = block.position();
    const std::int64_t first_head = kv_head * args.group(), first_key = key_tile * KeyRows;
    const GradientHead keys = gradient_head(args, batch, first_head);
    if (first_key >= keys.keys) return;

    RightTile<Block, QueryRows, HeadDim> Q(block, "Q");
    Operand<Block, KeyRows, QueryRows> dS_t(block, "dS^T");
    Accumulator<Block, KeyRows, HeadDim> dK(block, "dK");

    // [6] dK = dS^T Q, a sum over the queries of all heads that share K.
    fill(dK, 0);
    for (std::int64_t head = first_head; head < first_head + args.group(); ++head) {
      const GradientHead hbm = gradient_head(args, batch, head);
      for (std::int64_t first_query = 0; first_query < hbm.queries; first_query += QueryRows) {
        load_transposed(dS_t, hbm.dS, first_query, first_key);
        load(Q, hbm.Q, first_query);
        mma_AB(dK, dS_t, Q);
      }
    }
    store(keys.dK, first_key, dK);
  }
};

template <class Device>
void backward(Device& device, AttentionArgs args) {
  args.P = scores_workspace(device, Tensor::P, args);  // as the forward pass has left them
  args.l = row_workspace(device, Tensor::l, args);
  args.gradient.dP = scores_workspace(device, Tensor::dP, args);
  args.gradient.dS = scores_workspace(device, Tensor::dS, args);
  const TileShape tiles = backward_plan(args).tiles;
  with_backward_tiles(tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex queries = {ceil_div(args.seqlen_q, QueryRows), args.heads, args.batch};
    const GridIndex keys = {ceil_div(args.seqlen_k, KeyRows), args.kv_heads, args.batch};
    const auto run = [&]<class Kernel>(const char* name, const GridIndex& grid, Kernel) {
      launch<Kernel>(device, name, grid, args.dtype, args);
    };
    run("value gradient", keys, ValueGradient<HeadDim, QueryRows, KeyRows>());
    run("weight gradient", queries, WeightGradient<HeadDim, QueryRows, KeyRows>());
    run("score gradient", queries, ScoreGradient<QueryRows, KeyRows>());
    run("query gradient", queries, QueryGradient<HeadDim, QueryRows, KeyRows>());
    run("key gradient", keys, KeyGradient<HeadDim, QueryRows, KeyRows>());
  });
}

template <class Device>
Pass backward_pass() {
  return flash::backward_pass(backward<Device>, naive_backward_cost);
}

}  // namespace stage_00_naive

// Standard attention: three kernels, and the score matrix goes through HBM between them.
//
// Kernel 1 writes S = scale Q Kᵀ and its row maximum m; kernel 2 turns S into P = e^(S - m) and
// writes the row sum l; kernel 3 writes O = P V / l. The products are those of the later stages.
// What it costs: S and P, N² elements each, written once and read once; K and V, read for every
// tile of queries: T_r N d each; and two N² workspaces. Dao et al., FlashAttention
// (arXiv:2205.14135), Algorithm 0.
//
// Run it: ./ladder run --stage 00
#pragma once

#include "attention/kernel.h"

namespace stage_00_naive {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Scores {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;  // a sequence shorter than the longest

    LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
    RightTile<Block, KeyRows, HeadDim> K(block, "K");
    Accumulator<Block, QueryRows, KeyRows> S(block, "S");
    RowVector<Block, QueryRows> row_max(block, "m");

    load(Q, hbm.Q, first_query);
    fill(row_max, -INFINITY);
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(K, hbm.K, first_key);

      // [1] A tile of scores.
      mma_ABt(S, Q, K);
      scale(S, args.scale);
      mask_end(S, hbm.keys - first_key);
      if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

      update_row_max(row_max, S);
      store(hbm.S, first_query, first_key, S);
    }
    store(hbm.m, first_query, row_max);
  }
};

template <int QueryRows, int KeyRows>
struct Softmax {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;

    Accumulator<Block, QueryRows, KeyRows> P(block, "P");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l");

    load(row_max, hbm.m, first_query);
    fill(row_sum, 0);
    // [2] P and its row sum, tile by tile.
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(P, hbm.S, first_query, first_key);
      mask_end(P, hbm.keys - first_key);
      exp_difference(P, row_max);
      add_row_sum(row_sum, P);
      store(hbm.P, first_query, first_key, P);
    }
    store(hbm.l, first_query, row_sum);
  }
};

template <int HeadDim, int QueryRows, int KeyRows>
struct Output {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;

    RightTile<Block, KeyRows, HeadDim> V(block, "V");
    Operand<Block, QueryRows, KeyRows> P(block, "P");
    Accumulator<Block, QueryRows, HeadDim> O(block, "O");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l");

    load(row_max, hbm.m, first_query);
    load(row_sum, hbm.l, first_query);
    fill(O, 0);
    // [3] O and the log-sum-exp.
    for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
      load(P, hbm.P, first_query, first_key);
      if (args.dropout > 0) drop(P, hbm.dropout, first_query, first_key);
      load(V, hbm.V, first_key);
      mma_AB(O, P, V);
    }

    divide_rows(O, row_sum);
    store(hbm.O, first_query, O);
    log_sum_exp(row_sum, row_max, row_sum);
    store(hbm.LSE, first_query, row_sum);
  }
};

template <class Device>
void forward(Device& device, AttentionArgs args) {
  args.S = scores_workspace(device, Tensor::S, args);
  args.P = scores_workspace(device, Tensor::P, args);
  args.m = row_workspace(device, Tensor::m, args);
  args.l = row_workspace(device, Tensor::l, args);
  with_tiles(plan_of(args).tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex grid = {ceil_div(args.seqlen_q, QueryRows), args.heads, args.batch};
    launch<Scores<HeadDim, QueryRows, KeyRows>>(device, "scores", grid, args.dtype, args);
    launch<Softmax<QueryRows, KeyRows>>(device, "softmax", grid, args.dtype, args);
    launch<Output<HeadDim, QueryRows, KeyRows>>(device, "output", grid, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "00_naive",
          .idea = "three kernels; S and P live in HBM",
          .passes = {forward_pass(forward<Device>, naive_cost)}};
}

}  // namespace stage_00_naive

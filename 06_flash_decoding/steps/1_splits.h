// Split keys: a second kernel merges what the splits found, so that one query fills all cores.
//
// What changed from 03: the grid covers splits of the keys as well; each split writes its own O and
// LSE, and Combine weighs them by e^LSE. What it costs: 03's traffic, Q once for each split, and
// with several of them, written and read again, N (d + 1) fp32 numbers a split and head.
//
// What to look at: `keys_of_split` is all that the first kernel knows of the others. Combine is
// stage 02's recurrence, with a split in place of a key.
//
// Run it: ./ladder run --stage 06/1
#pragma once

#include "attention/kernel.h"
#include "attention/kv_group.h"

namespace stage_06_flash_decoding_step_1 {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [head, tile_and_split, batch] = block.position();
    const std::int64_t query_tile = tile_and_split / args.splits;
    const std::int64_t split = tile_and_split % args.splits;
    const KvGroup hbm = query_head(args, batch, head, split);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.rows) return;  // a sequence shorter than the longest

    LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
    RightTile<Block, KeyRows, HeadDim> K(block, "K"), V(block, "V");
    Accumulator<Block, QueryRows, KeyRows> S(block, "S");
    Operand<Block, QueryRows, KeyRows> P(block, "P");
    Accumulator<Block, QueryRows, HeadDim> O(block, "O");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");

    load(Q, hbm.Q, first_query);
    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);

    // Keys that the first and the last query row of the tile see.
    const std::int64_t diagonal = first_query + hbm.diagonal;
    const std::int64_t seen_by_all = args.causal ? std::min(hbm.keys, diagonal + 1) : hbm.keys;
    const std::int64_t seen = args.causal ? std::min(hbm.keys, diagonal + QueryRows) : hbm.keys;
    const KeyRange keys = keys_of_split(seen, KeyRows, split, args.splits);
    const float scale_log2 = args.scale * std::numbers::log2e_v<float>;

    for (std::int64_t first_key = keys.begin; first_key < keys.end; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);

      mma_ABt(S, Q, K);
      if (first_key + KeyRows > seen_by_all) {
        mask_end(S, hbm.keys - first_key);
        if (args.causal) mask_causal(S, diagonal - first_key);
      }

      copy(rescale, row_max);
      update_row_max(row_max, S);
      exp2_difference(rescale, row_max, scale_log2);
      exp2_difference(S, row_max, scale_log2);

      multiply_rows(row_sum, rescale);
      add_row_sum(row_sum, S);
      convert(P, S);
      mma_AB(O, P, V, rescale);
    }

    divide_rows(O, row_sum);
    store(args.splits > 1 ? hbm.O_split : hbm.O, first_query, O);
    log_sum_exp(row_sum, row_max, row_sum, args.scale);
    store(args.splits > 1 ? hbm.LSE_split : hbm.LSE, first_query, row_sum);
  }
};

// Merges the splits: softmax over their LSE, with the running maximum of stage 02. A split that saw
// no key has LSE = -inf, and weighs 0.
template <int HeadDim, int QueryRows>
struct Combine {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [head, query_tile, batch] = block.position();
    const KvGroup hbm = query_head(args, batch, head, 0);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.rows) return;

    Accumulator<Block, QueryRows, HeadDim> O(block, "O"), O_split(block, "O_split");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale"),
        weight(block, "weight");

    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);

    for (std::int64_t split = 0; split < args.splits; ++split) {
      const KvGroup part = query_head(args, batch, head, split);
      load(O_split, part.O_split, first_query);
      load(weight, part.LSE_split, first_query);

      copy(rescale, row_max);
      update_row_max(row_max, weight);
      exp_difference(rescale, row_max);
      exp_difference(weight, row_max);

      multiply_rows(row_sum, rescale);
      add_row_sum(row_sum, weight);
      multiply_rows(O, rescale);
      multiply_rows(O_split, weight);
      add(O, O_split);
    }

    divide_rows(O, row_sum);
    store(hbm.O, first_query, O);
    log_sum_exp(row_sum, row_max, row_sum);
    store(hbm.LSE, first_query, row_sum);
  }
};

template <class Device>
void forward(Device& device, AttentionArgs args) {
  const Plan plan = splits_plan(args);
  args.splits = plan.splits;
  if (plan.splits > 1) allocate_splits(device, args);
  with_tiles(plan.tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const std::int64_t query_tiles = ceil_div(args.seqlen_q, QueryRows);
    const GridIndex grid = {args.heads, query_tiles * plan.splits, args.batch};
    launch<Attention<HeadDim, QueryRows, KeyRows>>(device, "attention", grid, args.dtype, args);
    if (plan.splits == 1) return;
    const GridIndex tiles = {args.heads, query_tiles, args.batch};
    launch<Combine<HeadDim, QueryRows>>(device, "combine", tiles, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "06/1_splits",
          .idea = "split the keys too, and merge by LSE",
          .passes = {forward_pass(forward<Device>, splits_cost)},
          .plan = splits_plan};
}

}  // namespace stage_06_flash_decoding_step_1

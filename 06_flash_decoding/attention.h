// Flash-Decoding: the keys are split as well, and a second kernel merges what the splits found.
//
// What changed from 03: the grid covers splits of the keys, so that one query fills all cores; a
// tile of queries holds all heads that share a key head, so that K and V, which may lie in the
// pages of a cache, are read once for all of them; each split writes its own O and LSE, and
// Combine weighs them by e^LSE. What it costs: HBM traffic of T_r N d elements for each *key* head
// and matrix, and with several splits, written and read again, N (d + 1) fp32 numbers a split and
// query head. Dao et al., Flash-Decoding for long-context inference (2023).
//
// What to look at: Keys may lie in the pages of a cache of any type. The views `hbm.K` and `hbm.V`
// know where and in which; the kernel has two factors, and nothing else, to do with it.
//
// Run it: ./ladder run --stage 06
#pragma once

#include "attention/kernel.h"
#include "attention/kv_group.h"

namespace stage_06_flash_decoding {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [kv_head, tile_and_split, batch] = block.position();
    const std::int64_t query_tile = tile_and_split / args.splits;
    const std::int64_t split = tile_and_split % args.splits;
    const KvGroup hbm = kv_group(args, batch, kv_head, split);
    const std::int64_t first_row = query_tile * QueryRows;
    if (first_row >= hbm.rows) return;  // a sequence shorter than the longest

    LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
    RightTile<Block, KeyRows, HeadDim> K(block, "K"), V(block, "V");
    Accumulator<Block, QueryRows, KeyRows> S(block, "S");
    Operand<Block, QueryRows, KeyRows> P(block, "P");
    Accumulator<Block, QueryRows, HeadDim> O(block, "O");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");

    load(Q, hbm.Q, first_row);
    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);

    // Keys that the queries of the tile's first and last row see.
    const std::int64_t diagonal = first_row / hbm.group + hbm.diagonal;
    const std::int64_t last_diagonal = (first_row + QueryRows - 1) / hbm.group + hbm.diagonal;
    const std::int64_t seen_by_all = args.causal ? std::min(hbm.keys, diagonal + 1) : hbm.keys;
    const std::int64_t seen = args.causal ? std::min(hbm.keys, last_diagonal + 1) : hbm.keys;
    const KeyRange keys = keys_of_split(seen, KeyRows, split, args.splits);
    const float scale_log2 = args.scale * hbm.K_scale * std::numbers::log2e_v<float>;

    for (std::int64_t first_key = keys.begin; first_key < keys.end; first_key += KeyRows) {
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);

      mma_ABt(S, Q, K);
      // [1] Rows of one tile belong to several heads.
      if (first_key + KeyRows > seen_by_all) {
        mask_end(S, hbm.keys - first_key);
        if (args.causal) mask_causal(S, hbm.diagonal - first_key, hbm.group, first_row);
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

    // [2] What a split leaves.
    divide_rows(O, row_sum);
    scale(O, hbm.V_scale);
    store(args.splits > 1 ? hbm.O_split : hbm.O, first_row, O);
    log_sum_exp(row_sum, row_max, row_sum, args.scale * hbm.K_scale);
    store(args.splits > 1 ? hbm.LSE_split : hbm.LSE, first_row, row_sum);
  }
};

// Merges the splits: softmax over their LSE, with the running maximum of stage 02. A split that saw
// no key has LSE = -inf, and weighs 0.
template <int HeadDim, int QueryRows>
struct Combine {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [kv_head, query_tile, batch] = block.position();
    const KvGroup hbm = kv_group(args, batch, kv_head, 0);
    const std::int64_t first_row = query_tile * QueryRows;
    if (first_row >= hbm.rows) return;

    Accumulator<Block, QueryRows, HeadDim> O(block, "O"), O_split(block, "O_split");
    RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale"),
        weight(block, "weight");

    fill(O, 0);
    fill(row_max, -INFINITY);
    fill(row_sum, 0);

    // [3] The splits, merged.
    for (std::int64_t split = 0; split < args.splits; ++split) {
      const KvGroup part = kv_group(args, batch, kv_head, split);
      load(O_split, part.O_split, first_row);
      load(weight, part.LSE_split, first_row);

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
    store(hbm.O, first_row, O);
    log_sum_exp(row_sum, row_max, row_sum);
    store(hbm.LSE, first_row, row_sum);
  }
};

template <class Device>
void forward(Device& device, AttentionArgs args) {
  const Plan plan = decoding_plan(args);
  args.splits = plan.splits;
  if (plan.splits > 1) allocate_splits(device, args);
  with_packed_tiles(plan.tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    // [4] Two grids.
    const std::int64_t query_tiles = ceil_div(args.seqlen_q * args.group(), QueryRows);
    const GridIndex grid = {args.kv_heads, query_tiles * plan.splits, args.batch};
    launch<Attention<HeadDim, QueryRows, KeyRows>>(device, "attention", grid, args.dtype, args);
    if (plan.splits == 1) return;
    const GridIndex tiles = {args.kv_heads, query_tiles, args.batch};
    launch<Combine<HeadDim, QueryRows>>(device, "combine", tiles, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "06_flash_decoding",
          .idea = "split the keys too, merge by LSE; heads that share keys share a tile",
          .passes = {forward_pass(forward<Device>, decoding_cost)},
          .plan = decoding_plan};
}

}  // namespace stage_06_flash_decoding

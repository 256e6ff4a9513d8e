// FlashAttention-2: a block owns query rows, and the keys stream past them.
//
// What changed from 02: the loops are swapped, so O, m and l stay on chip and O is written once; O
// is divided by the row sum once, at the end; tiles above the diagonal are skipped; exp becomes
// exp2 with the scale folded in; and the grid covers the query tiles too, so one head fills all
// cores. What it costs: HBM traffic per head of N d + 2 T_r N d elements read and N d written.
// Dao, FlashAttention-2 (arXiv:2307.08691), Algorithm 1.
//
// What to look at: Tiles above the diagonal are skipped: the loop ends at `seen`, the keys of the
// tile's last row. Only from `seen_by_all` on, the keys of its first, is anything masked.
//
// Run it: ./ladder run --stage 03
#pragma once

#include "attention/kernel.h"

namespace stage_03_v2 {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;  // a sequence shorter than the longest

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
    const float scale_log2 = args.scale * std::numbers::log2e_v<float>;

    for (std::int64_t first_key = 0; first_key < seen; first_key += KeyRows) {
      // [1] The scores that the rows see.
      load(K, hbm.K, first_key);
      load(V, hbm.V, first_key);

      mma_ABt(S, Q, K);
      if (first_key + KeyRows > seen_by_all) {
        mask_end(S, hbm.keys - first_key);
        if (args.causal) mask_causal(S, diagonal - first_key);
      }

      // [2] The maximum moves.
      copy(rescale, row_max);
      update_row_max(row_max, S);
      exp2_difference(rescale, row_max, scale_log2);
      exp2_difference(S, row_max, scale_log2);

      // [3] l and O of the tiles so far.
      multiply_rows(row_sum, rescale);
      add_row_sum(row_sum, S);
      if (args.dropout > 0) drop(S, hbm.dropout, first_query, first_key);
      convert(P, S);
      mma_AB(O, P, V, rescale);
    }

    // [4] Once, at the end.
    divide_rows(O, row_sum);
    store(hbm.O, first_query, O);
    log_sum_exp(row_sum, row_max, row_sum, args.scale);
    store(hbm.LSE, first_query, row_sum);
  }
};

template <class Device>
void forward(Device& device, AttentionArgs args) {
  with_tiles(plan_of(args).tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex grid = {ceil_div(args.seqlen_q, QueryRows), args.heads, args.batch};
    launch<Attention<HeadDim, QueryRows, KeyRows>>(device, "attention", grid, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "03_v2",
          .idea = "swap the loops: a block owns query rows, O is written once",
          .passes = {forward_pass(forward<Device>, v2_cost)}};
}

}  // namespace stage_03_v2

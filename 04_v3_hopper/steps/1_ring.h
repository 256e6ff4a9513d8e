// A ring of tiles: K and V are copied while the tiles before them are computed with.
//
// What changed from 03: loads become asynchronous copies into a ring of two tiles of K and of V, so
// that the next tile is on its way before this one is used. A slot has two barriers: *full*
// completes when the copy's bytes have arrived, *empty* when its readers have released it. What it
// costs: 03's traffic; one more tile of K and of V on chip.
//
// What to look at: The life of a slot: wait until it is full, multiply, release it, fetch again.
//
// Run it: ./ladder run --stage 04/1
#pragma once

#include "attention/kernel.h"

namespace stage_04_v3_hopper_step_1 {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  static constexpr int ring_depth = Plan{}.ring_depth;

  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;  // a sequence shorter than the longest

    LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
    Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> K{block, "K", 1};
    Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> V{block, "V", 1};
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

    // Waits until the readers of the ring's slot have released it, then lets a copy fill it.
    const auto fetch = [&](auto& ring, std::int64_t n, const HbmMatrix& from) {
      if (n * KeyRows >= seen) return;
      wait(ring.empty(n), ring.parity(n) ^ 1);
      arrive_and_expect(ring.full(n), bytes(ring[n]));
      load_async(ring[n], from, n * KeyRows, ring.full(n));
    };
    for (int slot = 0; slot < ring_depth; ++slot) fetch(K, slot, hbm.K), fetch(V, slot, hbm.V);

    std::int64_t n = 0;  // use of the rings of K and V
    for (std::int64_t first_key = 0; first_key < seen; first_key += KeyRows, ++n) {
      wait(K.full(n), K.parity(n));
      mma_ABt(S, Q, K[n]);
      arrive(K.empty(n));
      fetch(K, n + ring_depth, hbm.K);
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
      wait(V.full(n), V.parity(n));
      mma_AB(O, P, V[n], rescale);
      arrive(V.empty(n));
      fetch(V, n + ring_depth, hbm.V);
    }

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
  return {.name = "04/1_ring",
          .idea = "copies run ahead, into a ring of tiles",
          .passes = {forward_pass(forward<Device>, ring_cost)}};
}

}  // namespace stage_04_v3_hopper_step_1

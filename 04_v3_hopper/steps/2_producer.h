// Roles: a producer warpgroup does nothing but copy, and a consumer nothing but compute.
//
// What changed from step 1: the copies move to a role of their own, Q's too, and the barriers that
// one role passed at once are now what the two wait for. A producer needs few registers and gives
// the others to the consumer. What it costs: step 1's traffic and memory.
//
// What to look at: `fetch` is the same. The consumer only releases a slot; who fills it, and when,
// is the producer's concern.
//
// Run it: ./ladder run --stage 04/2
#pragma once

#include "attention/kernel.h"

namespace stage_04_v3_hopper_step_2 {

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

    Ring<Block, LeftTile<Block, QueryRows, HeadDim>, 1> Q{block, "Q", 1};
    Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> K{block, "K", 1};
    Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> V{block, "V", 1};

    // Keys that the first and the last query row of the tile see.
    const std::int64_t diagonal = first_query + hbm.diagonal;
    const std::int64_t seen_by_all = args.causal ? std::min(hbm.keys, diagonal + 1) : hbm.keys;
    const std::int64_t seen = args.causal ? std::min(hbm.keys, diagonal + QueryRows) : hbm.keys;

    // Waits until the readers of the ring's slot have released it, then lets a copy fill it.
    const auto fetch = [&](auto& ring, std::int64_t n, const HbmMatrix& from, std::int64_t row) {
      wait(ring.empty(n), ring.parity(n) ^ 1);
      arrive_and_expect(ring.full(n), bytes(ring[n]));
      load_async(ring[n], from, row, ring.full(n));
    };

    const auto produce = [&] {
      set_registers<24>(block);
      std::int64_t n = 0;  // use of the rings of K and V
      fetch(Q, 0, hbm.Q, first_query);
      for (std::int64_t first_key = 0; first_key < seen; first_key += KeyRows, ++n) {
        fetch(K, n, hbm.K, first_key);
        fetch(V, n, hbm.V, first_key);
      }
    };

    const auto consume = [&] {
      Accumulator<Block, QueryRows, KeyRows> S(block, "S");
      Operand<Block, QueryRows, KeyRows> P(block, "P");
      Accumulator<Block, QueryRows, HeadDim> O(block, "O");
      RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"),
          rescale(block, "rescale");
      const float scale_log2 = args.scale * std::numbers::log2e_v<float>;
      set_registers<240>(block);
      fill(O, 0);
      fill(row_max, -INFINITY);
      fill(row_sum, 0);
      wait(Q.full(0), Q.parity(0));

      std::int64_t n = 0;  // use of the rings of K and V
      for (std::int64_t first_key = 0; first_key < seen; first_key += KeyRows, ++n) {
        wait(K.full(n), K.parity(n));
        mma_ABt(S, Q[0], K[n]);
        arrive(K.empty(n));
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
      }

      divide_rows(O, row_sum);
      store(hbm.O, first_query, O);
      log_sum_exp(row_sum, row_max, row_sum, args.scale);
      store(hbm.LSE, first_query, row_sum);
    };

    warpgroups(block, role("producer", produce), role("consumer", consume));
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
  return {.name = "04/2_producer",
          .idea = "a producer copies, a consumer computes",
          .passes = {forward_pass(forward<Device>, ring_cost)}};
}

}  // namespace stage_04_v3_hopper_step_2

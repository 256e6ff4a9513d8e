// Ping-pong: two consumers, and while one is at its softmax the other has the matrix unit.
//
// What changed from step 2: each consumer owns half of the query rows, with tiles of its own in
// registers, and reads the same K and V; a slot is empty when both have released it. A named
// barrier for each passes the matrix unit back and forth. What it costs: step 2's traffic and
// memory.
//
// What to look at: `sync(turn[consumer])` and `arrive(turn[consumer + 1])`, before and behind Q Kᵀ.
// Who has to arrive once, before anybody has had a turn?
//
// Run it: ./ladder run --stage 04/3
#pragma once

#include "attention/kernel.h"

namespace stage_04_v3_hopper_step_3 {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  static constexpr int consumers = consumers_of(QueryRows), rows = QueryRows / consumers;  // of Q
  static constexpr int ring_depth = Plan{}.ring_depth;

  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;  // a sequence shorter than the longest

    Ring<Block, LeftTile<Block, rows, HeadDim>, consumers> Q{block, "Q", 1};
    Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> K{block, "K", consumers};
    Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> V{block, "V", consumers};
    Turns<Block, consumers> turn{block, "turn"};

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
      set_registers<consumers == 2 ? 24 : 32>(block);
      std::int64_t n = 0;  // use of the rings of K and V
      for (int c = 0; c < consumers; ++c) fetch(Q, c, hbm.Q, first_query + c * rows);
      for (std::int64_t first_key = 0; first_key < seen; first_key += KeyRows, ++n) {
        fetch(K, n, hbm.K, first_key);
        fetch(V, n, hbm.V, first_key);
      }
    };

    const auto consume = [&](int consumer) {
      Accumulator<Block, rows, KeyRows> S(block, "S");
      Operand<Block, rows, KeyRows> P(block, "P");
      Accumulator<Block, rows, HeadDim> O(block, "O");
      RowVector<Block, rows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");
      const float scale_log2 = args.scale * std::numbers::log2e_v<float>;
      set_registers<consumers == 2 ? 240 : 160>(block);
      if (consumer == consumers - 1) arrive(turn[0]);  // consumer 0 begins
      fill(O, 0);
      fill(row_max, -INFINITY);
      fill(row_sum, 0);
      wait(Q.full(consumer), Q.parity(consumer));

      std::int64_t n = 0;  // use of the rings of K and V
      for (std::int64_t first_key = 0; first_key < seen; first_key += KeyRows, ++n) {
        wait(K.full(n), K.parity(n));
        sync(turn[consumer]);
        mma_ABt(S, Q[consumer], K[n]);
        arrive(turn[consumer + 1]);
        arrive(K.empty(n));
        if (first_key + KeyRows > seen_by_all) {
          mask_end(S, hbm.keys - first_key);
          if (args.causal) mask_causal(S, diagonal + consumer * rows - first_key);
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
      log_sum_exp(row_sum, row_max, row_sum, args.scale);
      const std::int64_t first_row = first_query + consumer * rows;
      if (first_row >= hbm.queries) return;
      store(hbm.O, first_row, O);
      store(hbm.LSE, first_row, row_sum);
    };

    warpgroups(block, role("producer", produce), roles<consumers>("consumer", consume));
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
  return {.name = "04/3_consumers",
          .idea = "two consumers take turns: ping-pong",
          .passes = {forward_pass(forward<Device>, ring_cost)}};
}

}  // namespace stage_04_v3_hopper_step_3

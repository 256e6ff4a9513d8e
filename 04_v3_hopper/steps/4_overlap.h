// Overlap: within a consumer the PV of the tile before runs during the softmax of this one.
//
// What changed from step 3: products are issued and waited for apart, and PV lags one tile behind:
// Q Kᵀ of tile n is issued, then PV of tile n - 1, and the softmax begins as soon as Q Kᵀ is done.
// The first tile has no PV before it, and the last one's comes behind the loop. What it costs: step
// 3's traffic and memory; V(n - 1) stays a step longer.
//
// What to look at: `wait_products<1>`: one group may stay in flight, and which one it is.
//
// Run it: ./ladder run --stage 04/4
#pragma once

#include "attention/kernel.h"

namespace stage_04_v3_hopper_step_4 {

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
      const std::int64_t end = ceil_div(seen, KeyRows);
      const auto accumulate = [&](std::int64_t use) {
        wait(V.full(use), V.parity(use));
        mma_AB_async(O, P, V[use], rescale);
        commit_products(block);
      };
      const auto finish = [&](std::int64_t use) {
        wait_products<0>(block);
        arrive(V.empty(use));
      };
      // `overlaps`: PV of the tile before is issued behind QKᵀ, and runs during the softmax.
      const auto step = [&](auto overlaps) {
        const std::int64_t first_key = n * KeyRows;
        wait(K.full(n), K.parity(n));
        sync(turn[consumer]);
        mma_ABt_async(S, Q[consumer], K[n]);
        commit_products(block);
        if (overlaps) accumulate(n - 1);
        arrive(turn[consumer + 1]);
        wait_products<overlaps ? 1 : 0>(block);
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
        if (overlaps) finish(n - 1);
        convert(P, S);
        ++n;
      };
      if (n < end) step(std::false_type());
      while (n < end) step(std::true_type());
      if (n > 0) accumulate(n - 1), finish(n - 1);

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
  return {.name = "04/4_overlap",
          .idea = "PV of the tile before runs during the softmax",
          .passes = {forward_pass(forward<Device>, ring_cost)}};
}

}  // namespace stage_04_v3_hopper_step_4

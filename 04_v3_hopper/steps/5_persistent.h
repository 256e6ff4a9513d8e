// Persistence: as many blocks as cores, which take query tiles until none is left, longest first.
//
// What changed from step 4: the grid becomes a list of query tiles, sorted by the keys that they
// see, so that under a causal mask no block is left with the longest tile when the others are done.
// The rings go on from tile to tile, so the producer is ahead across them; Q needs its *empty*
// barriers now. The roles are functions of a struct that holds the shared memory. What it costs:
// step 4's traffic, and the schedule, which every role reads.
//
// What to look at: `n` and `i`, which count on from one query tile to the next: a ring never starts
// again.
//
// Run it: ./ladder run --stage 04/5
#pragma once

#include "attention/kernel.h"

namespace stage_04_v3_hopper_step_5 {

using namespace tile;
using namespace flash;

// A block: its shared memory, and what each role does with it.
template <class Block, int HeadDim, int QueryRows, int KeyRows>
struct Warpgroups {
  static constexpr int consumers = consumers_of(QueryRows), rows = QueryRows / consumers;  // of Q
  static constexpr int ring_depth = Plan{}.ring_depth;

  Block& block;
  const AttentionArgs& args;
  Ring<Block, LeftTile<Block, rows, HeadDim>, consumers> Q{block, "Q", 1};
  Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> K{block, "K", consumers};
  Ring<Block, RightTile<Block, KeyRows, HeadDim>, ring_depth> V{block, "V", consumers};
  Turns<Block, consumers> turn{block, "turn"};

  // Waits until the readers of the ring's slot have released it, then lets a copy fill it.
  TILE_KERNEL void fetch(auto& ring, std::int64_t n, const HbmMatrix& hbm, std::int64_t row) {
    wait(ring.empty(n), ring.parity(n) ^ 1);
    arrive_and_expect(ring.full(n), bytes(ring[n]));
    load_async(ring[n], hbm, row, ring.full(n));
  }

  TILE_KERNEL void produce() {
    set_registers<consumers == 2 ? 24 : 32>(block);
    std::int64_t n = 0;  // use of the rings of K and V
    for (std::int64_t i = 0, work; (work = block.work(i)) >= 0; ++i) {
      const QueryTile tile = load_scalar(block, args.schedule, work);
      const Head hbm = args.head(tile.batch, tile.head);
      for (int c = 0; c < consumers; ++c)
        fetch(Q, i * consumers + c, hbm.Q, tile.first_query + c * rows);
      for (std::int64_t first_key = 0; first_key < tile.seen; first_key += KeyRows, ++n) {
        fetch(K, n, hbm.K, first_key);
        fetch(V, n, hbm.V, first_key);
      }
    }
  }

  TILE_KERNEL void consume(int consumer) {
    Accumulator<Block, rows, KeyRows> S(block, "S");
    Operand<Block, rows, KeyRows> P(block, "P");
    Accumulator<Block, rows, HeadDim> O(block, "O");
    RowVector<Block, rows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");
    const float scale_log2 = args.scale * std::numbers::log2e_v<float>;
    set_registers<consumers == 2 ? 240 : 160>(block);
    if (consumer == consumers - 1) arrive(turn[0]);  // consumer 0 begins
    std::int64_t n = 0;                              // use of the rings of K and V
    for (std::int64_t i = 0, work; (work = block.work(i)) >= 0; ++i) {
      const QueryTile tile = load_scalar(block, args.schedule, work);
      const Head hbm = args.head(tile.batch, tile.head);
      const std::int64_t first_query = tile.first_query + consumer * rows;
      const std::int64_t q = i * consumers + consumer;
      const std::int64_t first = n, end = n + ceil_div(tile.seen, KeyRows);
      fill(O, 0);
      fill(row_max, -INFINITY);
      fill(row_sum, 0);
      wait(Q.full(q), Q.parity(q));

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
        const std::int64_t first_key = (n - first) * KeyRows;
        wait(K.full(n), K.parity(n));
        sync(turn[consumer]);
        mma_ABt_async(S, Q[q], K[n]);
        commit_products(block);
        if (overlaps) accumulate(n - 1);
        arrive(turn[consumer + 1]);
        wait_products<overlaps ? 1 : 0>(block);
        arrive(K.empty(n));
        if (first_key + KeyRows > tile.seen_by_all) {
          mask_end(S, hbm.keys - first_key);
          if (args.causal) mask_causal(S, tile.diagonal + consumer * rows - first_key);
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
      arrive(Q.empty(q));
      if (n > first) accumulate(n - 1), finish(n - 1);
      divide_rows(O, row_sum);
      log_sum_exp(row_sum, row_max, row_sum, args.scale);
      if (first_query >= hbm.queries) continue;
      store(hbm.O, first_query, O);
      store(hbm.LSE, first_query, row_sum);
    }
  }
};

template <int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    Warpgroups<Block, HeadDim, QueryRows, KeyRows> all{block, args};
    warpgroups(block, role("producer", [&] { all.produce(); }),
               roles<all.consumers>("consumer", [&](int c) { all.consume(c); }));
  }
};

template <class Device>
void forward(Device& device, AttentionArgs args) {
  with_tiles(plan_of(args).tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    args.schedule = upload(device, Tensor::schedule, longest_first(args, QueryRows));
    launch_persistent<Attention<HeadDim, QueryRows, KeyRows>>(device, "attention",
                                                              args.schedule.rows, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "04/5_persistent",
          .idea = "blocks stay, and take the longest query tiles first",
          .passes = {forward_pass(forward<Device>, hopper_cost)}};
}

}  // namespace stage_04_v3_hopper_step_5

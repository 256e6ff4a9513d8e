// FlashAttention-3: copies, products and softmax run at the same time, in roles of their own.
//
// What changed from 03: a producer warpgroup streams K and V through a ring of tiles, and two
// consumers share the query rows. They take turns at the matrix unit (ping-pong), and each has the
// PV of the tile before in flight during the softmax of this one (overlap). Blocks are persistent
// and take the longest query tiles first. What it costs: 03's traffic, the schedule and the ring.
// Shah et al., FlashAttention-3 (arXiv:2407.08608), Algorithms 1 and 2.
//
// What to look at: Each part can be switched off. Look for `on.`, and for `refill`.
//
// Run it: ./ladder run --stage 04
#pragma once

#include "attention/kernel.h"

namespace stage_04_v3_hopper {

using namespace tile;
using namespace flash;

// What can be switched off, as in the paper's Table 2.
struct Pipeline {
  bool specialise = true;  // a producer loads; otherwise the first consumer does, between products
  bool ping_pong = true;   // while one consumer is at its softmax, the other has the matrix unit
  bool overlap = true;     // so it has within one consumer: PV of the tile before
  int ring_depth = Plan{}.ring_depth;
};

// A block: its shared memory, and what each role does with it.
template <class Block, int HeadDim, int QueryRows, int KeyRows, Pipeline on>
struct Warpgroups {
  static constexpr int consumers = consumers_of(QueryRows), rows = QueryRows / consumers;  // of Q

  Block& block;
  const AttentionArgs& args;
  Ring<Block, LeftTile<Block, rows, HeadDim>, consumers> Q{block, "Q", 1};
  Ring<Block, RightTile<Block, KeyRows, HeadDim>, on.ring_depth> K{block, "K", consumers};
  Ring<Block, RightTile<Block, KeyRows, HeadDim>, on.ring_depth> V{block, "V", consumers};
  Turns<Block, consumers> turn{block, "turn"};

  TILE_KERNEL void fetch(auto& ring, std::int64_t n, const HbmMatrix& hbm, std::int64_t row) {
    // [1] A slot is filled, once its readers have released it.
    wait(ring.empty(n), ring.parity(n) ^ 1);
    arrive_and_expect(ring.full(n), bytes(ring[n]));
    load_async(ring[n], hbm, row, ring.full(n));
  }

  TILE_KERNEL void produce() {
    if (!on.specialise) return;
    set_registers<consumers == 2 ? 24 : 32>(block);
    std::int64_t n = 0;  // use of the rings of K and V
    for (std::int64_t i = 0, work; (work = block.work(i)) >= 0; ++i) {
      const QueryTile tile = load_scalar(block, args.schedule, work);
      const Head hbm = args.head(tile.batch, tile.head);
      // [2] What the producer fetches for a tile of queries.
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
    const bool fetches = !on.specialise && consumer == 0;
    set_registers<consumers == 2 ? 240 : 160>(block);
    if (on.ping_pong && consumer == consumers - 1) arrive(turn[0]);  // consumer 0 begins
    std::int64_t n = 0;                                              // use of the rings of K and V
    for (std::int64_t i = 0, work; (work = block.work(i)) >= 0; ++i) {
      const QueryTile tile = load_scalar(block, args.schedule, work);
      const Head hbm = args.head(tile.batch, tile.head);
      const std::int64_t first_query = tile.first_query + consumer * rows;
      const std::int64_t q = i * consumers + consumer;
      const std::int64_t first = n, end = n + ceil_div(tile.seen, KeyRows);
      const auto refill = [&](auto& ring, std::int64_t use, const HbmMatrix& from) {
        if (fetches && use < end) fetch(ring, use, from, (use - first) * KeyRows);
      };
      for (int c = 0; fetches && c < consumers; ++c)
        fetch(Q, i * consumers + c, hbm.Q, tile.first_query + c * rows);
      for (int slot = 0; slot < on.ring_depth; ++slot)
        refill(K, first + slot, hbm.K), refill(V, first + slot, hbm.V);
      fill(O, 0);
      fill(row_max, -INFINITY);
      fill(row_sum, 0);
      wait(Q.full(q), Q.parity(q));
      const auto accumulate = [&](std::int64_t use) {
        // [3] PV is issued.
        wait(V.full(use), V.parity(use));
        mma_AB_async(O, P, V[use], rescale);
        commit_products(block);
      };
      const auto finish = [&](std::int64_t use) {
        wait_products<0>(block);
        arrive(V.empty(use));
        refill(V, use + on.ring_depth, hbm.V);
      };
      // `overlaps`: PV of the tile before is issued behind QKᵀ, and runs during the softmax.
      const auto step = [&](auto overlaps) {
        const std::int64_t first_key = (n - first) * KeyRows;
        // [4] QKᵀ in its turn.
        wait(K.full(n), K.parity(n));
        if (on.ping_pong) sync(turn[consumer]);
        mma_ABt_async(S, Q[q], K[n]);
        commit_products(block);
        if (overlaps) accumulate(n - 1);
        if (on.ping_pong) arrive(turn[consumer + 1]);
        wait_products<overlaps ? 1 : 0>(block);
        arrive(K.empty(n));
        refill(K, n + on.ring_depth, hbm.K);
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
        if (args.dropout > 0) drop(S, hbm.dropout, first_query, first_key);
        if (overlaps) finish(n - 1);
        convert(P, S);
        if (!on.overlap) accumulate(n), finish(n);
        ++n;
      };
      if (n < end) step(std::false_type());
      while (n < end) step(std::bool_constant<on.overlap>());
      arrive(Q.empty(q));
      if (on.overlap && n > first) accumulate(n - 1), finish(n - 1);
      divide_rows(O, row_sum);
      log_sum_exp(row_sum, row_max, row_sum, args.scale);
      if (first_query >= hbm.queries) continue;
      store(hbm.O, first_query, O);
      store(hbm.LSE, first_query, row_sum);
    }
  }
};

template <int HeadDim, int QueryRows, int KeyRows, Pipeline on>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    Warpgroups<Block, HeadDim, QueryRows, KeyRows, on> all{block, args};
    warpgroups(block, role("producer", [&] { all.produce(); }),
               roles<all.consumers>("consumer", [&](int c) { all.consume(c); }));
  }
};

template <class Device, Pipeline on>
void forward(Device& device, AttentionArgs args) {
  with_tiles(plan_of(args).tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    args.schedule = upload(device, Tensor::schedule, longest_first(args, QueryRows));
    launch_persistent<Attention<HeadDim, QueryRows, KeyRows, on>>(
        device, "attention", args.schedule.rows, args.dtype, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "04_v3_hopper",
          .idea = "asynchrony: a producer, a ring of tiles, two consumers in turns",
          .passes = {forward_pass(forward<Device, Pipeline{}>, hopper_cost)}};
}

// One idea less.
template <class Device>
std::vector<Variant> variants() {
  return {{"without producer", run_on(forward<Device, Pipeline{.specialise = false}>)},
          {"without ping-pong", run_on(forward<Device, Pipeline{.ping_pong = false}>)},
          {"without overlap", run_on(forward<Device, Pipeline{.overlap = false}>)}};
}

}  // namespace stage_04_v3_hopper

// FlashAttention-3: copies, products and softmax run at the same time, in roles of their own.
//
// What changed from 03: a producer warpgroup streams K and V through a ring of tiles, and two
// consumers share the query rows. They take turns at the matrix unit (ping-pong), and each issues
// the next QKᵀ before the softmax of this one (overlap). Blocks are persistent and take the longest
// query tiles first. What it costs: the traffic of 03; the ring, and a second S. Shah et al.,
// FlashAttention-3 (arXiv:2407.08608), Algorithms 1 and 2. Run it: ./ladder run --stage
// 04_v3_hopper
#pragma once

#include "attention/schedule.h"
#include "stages/stage.h"

namespace stage_04_v3_hopper {

using namespace tile;
using namespace flash;

// What can be switched off, as in the paper's Table 2.
struct Pipeline {
  bool specialise = true;  // a producer loads; otherwise the first consumer does, between products
  bool ping_pong = true;   // while one consumer is at its softmax, the other has the matrix unit
  bool overlap = true;     // so it has within one consumer: QKᵀ of the next tile
  int ring_depth = 2;      // tiles of K, and of V, in the ring
};

inline constexpr int consumers = 2;

// A block: its shared memory, and what each role does with it.
template <class Block, int HeadDim, int QueryRows, int KeyRows, Pipeline on>
struct Attention {
  static constexpr int rows = QueryRows / consumers;  // of Q, for each consumer

  Block& block;
  const AttentionArgs& args;
  const QueryTile* tiles;
  Ring<LeftTile<Block, rows, HeadDim>, consumers> Q{block, "Q", 1};
  Ring<RightTile<Block, KeyRows, HeadDim>, on.ring_depth> K{block, "K", consumers};
  Ring<RightTile<Block, KeyRows, HeadDim>, on.ring_depth> V{block, "V", consumers};
  NamedBarrier<Block> turn[consumers] = {{block, "turn[0]", consumers},
                                         {block, "turn[1]", consumers}};

  // Waits until the readers of the ring's slot have released it, then lets a copy fill it.
  TILE_KERNEL void fetch(auto& ring, std::int64_t n, const HbmMatrix& hbm, std::int64_t row) {
    wait(ring.empty(n), ring.parity(n) ^ 1);
    arrive_and_expect(ring.full(n), bytes(ring[n]));
    load_async(ring[n], hbm, row, ring.full(n));
  }

  // To each consumer its share of the query tile.
  TILE_KERNEL void fetch_Q(std::int64_t n, const HbmMatrix& hbm, std::int64_t first_query) {
    for (int c = 0; c < consumers; ++c) fetch(Q, n * consumers + c, hbm, first_query + c * rows);
  }

  TILE_KERNEL void produce() {
    set_registers<24>(block);
    std::int64_t n = 0;  // use of the rings of K and V
    for (std::int64_t i = 0, work; (work = block.work(i)) >= 0; ++i) {
      const QueryTile& tile = tiles[work];
      const Head hbm = args.head(tile.batch, tile.head);
      fetch_Q(i, hbm.Q, tile.first_query);
      for (std::int64_t first_key = 0; first_key < tile.seen; first_key += KeyRows, ++n) {
        fetch(K, n, hbm.K, first_key);
        fetch(V, n, hbm.V, first_key);
      }
    }
  }

  TILE_KERNEL void softmax(auto& S, auto& row_max, auto& row_sum, auto& rescale) {
    const float scale_log2 = args.scale * std::numbers::log2e_v<float>;
    copy(rescale, row_max);
    update_row_max(row_max, S);
    exp2_difference(rescale, row_max, scale_log2);
    exp2_difference(S, row_max, scale_log2);
    auto& P = S;

    multiply_rows(row_sum, rescale);
    add_row_sum(row_sum, P);
  }

  TILE_KERNEL void consume(int consumer) {
    Accumulator<Block, rows, KeyRows> S0(block, "S[0]"), S1(block, "S[1]");
    Accumulator<Block, rows, HeadDim> O(block, "O");
    RowVector<Block, rows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale");
    const bool fetches = !on.specialise && consumer == 0;
    set_registers<240>(block);
    if (on.ping_pong && consumer == 1) arrive(turn[0]);  // consumer 0 has the first turn

    std::int64_t n = 0;  // use of the rings of K and V
    for (std::int64_t i = 0, work; (work = block.work(i)) >= 0; ++i) {
      const QueryTile& tile = tiles[work];
      const Head hbm = args.head(tile.batch, tile.head);
      const std::int64_t first_query = tile.first_query + consumer * rows;
      const std::int64_t q = i * consumers + consumer;
      const std::int64_t first = n, end = n + ceil_div(tile.seen, KeyRows);
      const auto refill = [&](auto& ring, std::int64_t use, const HbmMatrix& from) {
        if (fetches && use < end) fetch(ring, use, from, (use - first) * KeyRows);
      };
      if (fetches) fetch_Q(i, hbm.Q, tile.first_query);
      for (int stage = 0; stage < on.ring_depth; ++stage) {
        refill(K, first + stage, hbm.K);
        refill(V, first + stage, hbm.V);
      }

      fill(O, 0);
      fill(row_max, -INFINITY);
      fill(row_sum, 0);
      wait(Q.full(q), Q.parity(q));

      const auto accumulate = [&](const auto& P, std::int64_t use) {
        wait(V.full(use), V.parity(use));
        mma_AB_async(O, P, V[use], rescale);
      };
      const auto finish = [&](std::int64_t use) {
        commit_products(block);
        wait_products<0>(block);
        if (use < first) return;
        arrive(V.empty(use));
        refill(V, use + on.ring_depth, hbm.V);
      };
      const auto step = [&](auto& S, const auto& last_P) {
        const std::int64_t first_key = (n - first) * KeyRows;
        wait(K.full(n), K.parity(n));
        if (on.ping_pong) sync(turn[consumer]);
        mma_ABt_async(S, Q[q], K[n]);
        commit_products(block);
        if (on.overlap && n > first) accumulate(last_P, n - 1);
        commit_products(block);
        if (on.ping_pong) arrive(turn[1 - consumer]);
        wait_products<1>(block);
        arrive(K.empty(n));
        refill(K, n + on.ring_depth, hbm.K);
        if (first_key + KeyRows > tile.seen_by_all) {
          mask_end(S, hbm.keys - first_key);
          if (args.causal) mask_causal(S, tile.diagonal + consumer * rows - first_key);
        }
        softmax(S, row_max, row_sum, rescale);
        auto& P = S;
        if (!on.overlap) accumulate(P, n);
        finish(on.overlap ? n - 1 : n);
      };
      for (; n < end; ++n) (n - first) % 2 == 0 ? step(S0, S1) : step(S1, S0);
      arrive(Q.empty(q));
      if (on.overlap && n > first) accumulate((n - first) % 2 == 0 ? S1 : S0, n - 1);
      if (on.overlap) finish(n - 1);

      divide_rows(O, row_sum);
      log_sum_exp(row_sum, row_max, row_sum, args.scale);
      if (first_query >= hbm.queries) continue;
      store(hbm.O, first_query, O);
      store(hbm.LSE, first_query, row_sum);
    }
  }

  TILE_KERNEL void run() {
    const auto producer = role("producer", [&] { produce(); });
    const auto consumer_0 = role("consumer 0", [&] { consume(0); });
    const auto consumer_1 = role("consumer 1", [&] { consume(1); });
    if constexpr (on.specialise)
      warpgroups(block, producer, consumer_0, consumer_1);
    else
      warpgroups(block, consumer_0, consumer_1);
  }
};

template <Pipeline on, int HeadDim, int QueryRows, int KeyRows>
inline void launch(Device& device, const AttentionArgs& args) {
  const std::vector<QueryTile> tiles = longest_first(args, QueryRows);
  const auto count = static_cast<std::int64_t>(tiles.size());
  device.launch_persistent("attention", count, args.dtype, [&]<class Block>(Block& block) {
    Attention<Block, HeadDim, QueryRows, KeyRows, on>{block, args, tiles.data()}.run();
  });
}

template <Pipeline on>
inline void forward(Device& device, AttentionArgs args) {
  with_tiles(args.head_dim, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    launch<on, HeadDim, QueryRows, KeyRows>(device, args);
  });
}

ATTENTION_STAGE("04_v3_hopper", "asynchrony: a producer, a ring of tiles, two consumers in turns",
                forward<Pipeline{}>, hopper_cost, {},
                {
                    {"without producer", forward<Pipeline{.specialise = false}>},
                    {"without ping-pong", forward<Pipeline{.ping_pong = false}>},
                    {"without overlap", forward<Pipeline{.overlap = false}>},
                });

}  // namespace stage_04_v3_hopper

// FlashAttention-3 in FP8: a byte an element, and a scale for each tile.
//
// What changed from 04: a first kernel rotates Q and K by random signs and a Hadamard matrix, which
// spreads outliers over the row and leaves QKᵀ as it was, and writes each tile in FP8 in units of a
// scale, V transposed, as FP8 tensor cores need it. Attention multiplies S by the scales, rounds P
// to E4M3, and keeps O in units of V's scale. What it costs: Q, K and V read and written once more.
// Shah et al., FlashAttention-3 (arXiv:2407.08608), section 3.3. ./ladder run --stage 05_fp8
#pragma once

#include "attention/schedule.h"
#include "stages/stage.h"

namespace stage_05_fp8 {

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

// Writes a tile in FP8 with its scale, or all tiles of a head where they share one.
template <class Block, Fp8 fp8, int Rows, int Cols>
TILE_KERNEL void quantise(Block& block, const HbmMatrix& from, const HbmMatrix& to,
                          const HbmVector& scales) {
  const std::int64_t first = block.position().x, tiles = ceil_div(from.rows, Rows);
  const std::int64_t end = std::min(fp8.per_block ? first + 1 : tiles, tiles);
  if (first >= end) return;
  const bool is_V = to.tensor == Tensor::V8;
  Accumulator<Block, Rows, Cols> X(block, "X");
  const auto fetch = [&](std::int64_t tile) {
    load(X, from, tile * Rows);
    if (fp8.rotate && !is_V) hadamard(X, static_cast<int>(to.cols), rotation_signs);
    return largest_magnitude(X);
  };

  float largest = 0;
  for (std::int64_t tile = first; tile < end; ++tile) largest = std::max(largest, fetch(tile));
  const float unit = block_scale(largest, fp8.format);
  for (std::int64_t tile = first; tile < end; ++tile) {
    if (!fp8.per_block) fetch(tile);
    scale(X, 1 / unit);
    is_V ? store_transposed(to, 0, tile * Rows, X) : store(to, tile * Rows, X);
    store_scalar(block, scales, tile, unit);
  }
}

template <class Block, Fp8 fp8, int HeadDim, int QueryRows, int KeyRows>
TILE_KERNEL void quantise(Block& block, const AttentionArgs& args) {
  const auto [tile, head, batch] = block.position();
  const Head from = args.head(batch, head), to = args.quantised_head(batch, head);
  quantise<Block, fp8, QueryRows, rotated_dim(HeadDim)>(block, from.Q, to.Q, to.Q_scales);
  if (head % (args.heads / args.kv_heads) != 0) return;  // K and V are those of a group
  quantise<Block, fp8, KeyRows, rotated_dim(HeadDim)>(block, from.K, to.K, to.K_scales);
  quantise<Block, fp8, KeyRows, HeadDim>(block, from.V, to.V, to.V_scales);
}

// A block: its shared memory, and what each role does with it.
template <class Block, int HeadDim, int QueryRows, int KeyRows, Pipeline on>
struct Attention {
  static constexpr int rows = QueryRows / consumers;  // of Q, for each consumer

  Block& block;
  const AttentionArgs& args;
  const QueryTile* tiles;
  Ring<LeftTile<Block, rows, rotated_dim(HeadDim)>, consumers> Q{block, "Q", 1};
  Ring<RightTile<Block, KeyRows, rotated_dim(HeadDim)>, on.ring_depth> K{block, "K", consumers};
  Ring<RightTile<Block, HeadDim, KeyRows>, on.ring_depth> V{block, "V", consumers};
  NamedBarrier<Block> turn[consumers] = {{block, "turn[0]", consumers},
                                         {block, "turn[1]", consumers}};

  // Waits until the readers of the ring's slot have released it, then lets a copy fill it.
  TILE_KERNEL void fetch(auto& ring, std::int64_t n, const HbmMatrix& hbm, std::int64_t row) {
    wait(ring.empty(n), ring.parity(n) ^ 1);
    arrive_and_expect(ring.full(n), bytes(ring[n]));
    const bool transposed = hbm.tensor == Tensor::V8;
    load_async(ring[n], hbm, transposed ? 0 : row, ring.full(n), transposed ? row : 0);
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
      const Head hbm = args.quantised_head(tile.batch, tile.head);
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
      const Head hbm = args.quantised_head(tile.batch, tile.head);
      const std::int64_t first_query = tile.first_query + consumer * rows;
      const std::int64_t q = i * consumers + consumer;
      const float Q_scale = load_scalar(block, hbm.Q_scales, tile.query_tile);
      float O_unit = 0;  // of O: the largest scale of V so far
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
        mma_ABt_async(O, P, V[use], rescale);
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
        scale(S, Q_scale * load_scalar(block, hbm.K_scales, n - first));
        if (first_key + KeyRows > tile.seen_by_all) {
          mask_end(S, hbm.keys - first_key);
          if (args.causal) mask_causal(S, tile.diagonal + consumer * rows - first_key);
        }
        softmax(S, row_max, row_sum, rescale);
        auto& P = S;
        // V's scale moves into P and O, exactly: it is a power of two.
        const float V_scale = load_scalar(block, hbm.V_scales, n - first);
        const float last_unit = std::exchange(O_unit, std::max(O_unit, V_scale));
        scale(rescale, last_unit / O_unit);
        round_operand(P, DType::e4m3, P_factor * (V_scale / O_unit));
        if (!on.overlap) accumulate(P, n);
        finish(on.overlap ? n - 1 : n);
      };
      for (; n < end; ++n) (n - first) % 2 == 0 ? step(S0, S1) : step(S1, S0);
      arrive(Q.empty(q));
      if (on.overlap && n > first) accumulate((n - first) % 2 == 0 ? S1 : S0, n - 1);
      if (on.overlap) finish(n - 1);

      divide_rows(O, row_sum);
      scale(O, O_unit / P_factor);
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

template <int HeadDim, int QueryRows, int KeyRows>
inline void attend(Device& device, const AttentionArgs& args, DType format) {
  const std::vector<QueryTile> tiles = longest_first(args, QueryRows);
  const auto count = static_cast<std::int64_t>(tiles.size());
  device.launch_persistent("attention", count, format, [&]<class Block>(Block& block) {
    Attention<Block, HeadDim, QueryRows, KeyRows, Pipeline{}>{block, args, tiles.data()}.run();
  });
}

template <Fp8 fp8>
inline void forward(Device& device, AttentionArgs args) {
  with_tiles(args.head_dim, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    args.fp8 = quantised_workspace(device, args, fp8.format, QueryRows, KeyRows);
    const std::int64_t longest = std::max(args.fp8.q_blocks, args.fp8.k_blocks);
    const GridIndex grid = {fp8.per_block ? longest : 1, args.heads, args.batch};
    device.launch("quantise", grid, args.dtype, [&]<class Block>(Block& block) {
      quantise<Block, fp8, HeadDim, QueryRows, KeyRows>(block, args);
    });
    attend<HeadDim, QueryRows, KeyRows>(device, args, fp8.format);
  });
}

ATTENTION_STAGE("05_fp8", "a byte an element: tiles with scales, Q and K rotated", forward<Fp8{}>,
                fp8_cost, Fp8{},
                {
                    {"in e5m2", forward<Fp8{.format = DType::e5m2}>},
                    {"without block scales", forward<Fp8{.per_block = false}>},
                    {"without rotation", forward<Fp8{.rotate = false}>},
                });

}  // namespace stage_05_fp8

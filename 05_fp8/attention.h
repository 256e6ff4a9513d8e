// FlashAttention-3 in FP8: a byte an element, and a scale for each tile.
//
// What changed from 04: a first kernel rotates Q and K by random signs and a Hadamard matrix, which
// spreads outliers and leaves QKᵀ as it was, and writes tiles in FP8, V transposed. Attention
// scales S, converts P to E4M3, and keeps O in units of V's scale. It costs Q, K, V read and
// written again. Shah et al., FlashAttention-3 (arXiv:2407.08608), section 3.3.
//
// Run it: ./ladder run --stage 05
#pragma once

#include "attention/kernel.h"

namespace stage_05_fp8 {

using namespace tile;
using namespace flash;

// Writes a tile in FP8 with its scale, or all tiles of a head if they share one; V transposed.
template <class Block, Fp8 fp8, int Rows, int Cols, bool is_V>
TILE_KERNEL void quantise(Block& block, const HbmMatrix& from, const HbmMatrix& to,
                          const HbmVector& scales) {
  const std::int64_t first = block.position().x, tiles = ceil_div(from.rows, Rows);
  const std::int64_t end = std::min(fp8.per_block ? first + 1 : tiles, tiles);
  Accumulator<Block, Rows, Cols> X(block, "X");
  const auto fetch = [&](std::int64_t tile) {
    load(X, from, tile * Rows);
    if (fp8.rotate && !is_V) hadamard(X, static_cast<int>(to.cols), rotation_signs);
    return largest_magnitude(X);
  };
  float largest = 0;
  for (std::int64_t tile = first; tile < end; ++tile) largest = std::max(largest, fetch(tile));
  // [1] A tile in units of its scale.
  const float unit = block_scale(largest, fp8.format);
  for (std::int64_t tile = first; tile < end; ++tile) {
    if (!fp8.per_block) fetch(tile);
    scale(X, 1 / unit);
    is_V ? store_transposed(to, 0, tile * Rows, X) : store(to, tile * Rows, X);
    store_scalar(block, scales, tile, unit);
  }
}

template <Fp8 fp8, int HeadDim, int QueryRows, int KeyRows>
struct Quantise {
  static constexpr int columns = rotated_dim(HeadDim);
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [tile, head, batch] = block.position();
    const Head from = args.head(batch, head);
    const QuantisedHead to = args.quantised_head(batch, head);
    quantise<Block, fp8, QueryRows, columns, false>(block, from.Q, to.Q, to.Q_scales);
    if (head % args.group() != 0) return;  // K and V are those of a group
    quantise<Block, fp8, KeyRows, columns, false>(block, from.K, to.K, to.K_scales);
    quantise<Block, fp8, KeyRows, HeadDim, true>(block, from.V, to.V, to.V_scales);
  }
};

// A block: its shared memory, and what each role does with it.
template <class Block, Sums sums, int HeadDim, int QueryRows, int KeyRows>
struct Warpgroups {
  static constexpr int consumers = consumers_of(QueryRows), rows = QueryRows / consumers;  // of Q
  static constexpr int ring_depth = Plan{}.ring_depth, columns = rotated_dim(HeadDim);

  Block& block;
  const AttentionArgs& args;
  Ring<Block, LeftTile<Block, rows, columns>, consumers> Q{block, "Q", 1};
  Ring<Block, RightTile<Block, KeyRows, columns>, ring_depth> K{block, "K", consumers};
  Ring<Block, RightTile<Block, HeadDim, KeyRows>, ring_depth> V{block, "V", consumers};
  Turns<Block, consumers> turn{block, "turn"};

  TILE_KERNEL void fetch(auto& ring, std::int64_t n, const HbmMatrix& hbm, std::int64_t row,
                         std::int64_t column = 0) {
    wait(ring.empty(n), ring.parity(n) ^ 1);
    arrive_and_expect(ring.full(n), bytes(ring[n]));
    load_async(ring[n], hbm, row, ring.full(n), column);
  }

  TILE_KERNEL void produce() {
    set_registers<consumers == 2 ? 24 : 32>(block);
    std::int64_t n = 0;  // use of the rings of K and V
    for (std::int64_t i = 0, work; (work = block.work(i)) >= 0; ++i) {
      const QueryTile tile = load_scalar(block, args.schedule, work);
      const QuantisedHead hbm = args.quantised_head(tile.batch, tile.head);
      for (int c = 0; c < consumers; ++c)
        fetch(Q, i * consumers + c, hbm.Q, tile.first_query + c * rows);
      for (std::int64_t first_key = 0; first_key < tile.seen; first_key += KeyRows, ++n) {
        fetch(K, n, hbm.K, first_key);
        fetch(V, n, hbm.V, 0, first_key);
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
      const QuantisedHead fp8 = args.quantised_head(tile.batch, tile.head);
      const std::int64_t first_query = tile.first_query + consumer * rows;
      const std::int64_t q = i * consumers + consumer;
      const std::int64_t first = n, end = n + ceil_div(tile.seen, KeyRows);
      const float Q_scale = load_scalar(block, fp8.Q_scales, tile.query_tile);
      float O_unit = 0;  // of O: the largest scale of V so far
      fill(O, 0);
      fill(row_max, -INFINITY);
      fill(row_sum, 0);
      wait(Q.full(q), Q.parity(q));
      const auto accumulate = [&](std::int64_t use) {
        wait(V.full(use), V.parity(use));
        mma_ABt_async<sums>(O, P, V[use], rescale);
        commit_products(block);
      };
      // `overlaps`: PV of the tile before is issued behind QKᵀ, and runs during the softmax.
      const auto step = [&](auto overlaps) {
        const std::int64_t first_key = (n - first) * KeyRows;
        wait(K.full(n), K.parity(n));
        sync(turn[consumer]);
        mma_ABt_async<sums>(S, Q[q], K[n]);
        commit_products(block);
        if (overlaps) accumulate(n - 1);
        arrive(turn[consumer + 1]);
        wait_products<overlaps ? 1 : 0>(block);
        arrive(K.empty(n));
        // [2] The scores that the rows see.
        scale(S, Q_scale * load_scalar(block, fp8.K_scales, n - first));
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
        if (overlaps) wait_products<0>(block), arrive(V.empty(n - 1));
        // [3] V's scale moves into P and O, exactly: it is a power of two.
        const float V_scale = load_scalar(block, fp8.V_scales, n - first);
        const float last_unit = std::exchange(O_unit, std::max(O_unit, V_scale));
        scale(rescale, last_unit / O_unit);
        convert(P, S, P_factor * (V_scale / O_unit));
        ++n;
      };
      if (n < end) step(std::false_type());
      while (n < end) step(std::true_type());
      arrive(Q.empty(q));
      if (n > first) accumulate(n - 1), wait_products<0>(block), arrive(V.empty(n - 1));
      // [4] O in true units, and the log-sum-exp.
      divide_rows(O, row_sum);
      scale(O, O_unit / P_factor);
      log_sum_exp(row_sum, row_max, row_sum, args.scale);
      if (first_query >= hbm.queries) continue;
      store(hbm.O, first_query, O);
      store(hbm.LSE, first_query, row_sum);
    }
  }
};

template <Sums sums, int HeadDim, int QueryRows, int KeyRows>
struct Attention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    Warpgroups<Block, sums, HeadDim, QueryRows, KeyRows> all{block, args};
    warpgroups(block, role("producer", [&] { all.produce(); }),
               roles<all.consumers>("consumer", [&](int c) { all.consume(c); }));
  }
};

template <class Device, Fp8 fp8>
void forward(Device& device, AttentionArgs args) {
  const Plan plan = plan_of(args);
  with_tiles(plan.tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    args.fp8 = quantised_workspace(device, args, fp8.format, plan.tiles);
    args.schedule = upload(device, Tensor::schedule, longest_first(args, QueryRows));
    const GridIndex grid = {fp8.per_block ? args.fp8.blocks() : 1, args.heads, args.batch};
    launch<Quantise<fp8, HeadDim, QueryRows, KeyRows>>(device, "quantise", grid, args.dtype, args);
    launch_persistent<Attention<fp8.sums, HeadDim, QueryRows, KeyRows>>(
        device, "attention", args.schedule.rows, fp8.format, args);
  });
}

template <class Device>
Stage stage() {
  return {.name = "05_fp8",
          .idea = "a byte an element: tiles with scales, Q and K rotated",
          .passes = {forward_pass(forward<Device, Fp8{}>, fp8_cost)},
          .fp8 = Fp8{}};
}

// What can be chosen.
template <class Device>
std::vector<Variant> variants() {
  return {{"in e5m2", run_on(forward<Device, Fp8{.format = DType::e5m2}>)},
          {"without block scales", run_on(forward<Device, Fp8{.per_block = false}>)},
          {"without rotation", run_on(forward<Device, Fp8{.rotate = false}>)},
          {"22-bit sums", run_on(forward<Device, Fp8{.sums = Sums::tensor_core}>)},
          {"promoted sums", run_on(forward<Device, Fp8{.sums = Sums::promoted}>)}};
}

}  // namespace stage_05_fp8

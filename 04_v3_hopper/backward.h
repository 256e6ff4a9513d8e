// FlashAttention-3, the backward pass: copies, products and sums to HBM in roles of their own.
//
// What changed from 03: a producer streams Q and dO, with LSE and D, through rings. Two consumers
// share the keys of the block; each has the rows of dK and dV of its half. A row of dQ is a sum
// over both halves: the consumers exchange dS through shared memory, and each multiplies all of it
// by its half of the columns of K. The sums go to a fourth warpgroup, which adds them to HBM while
// the consumers are at the next tile. What it costs: 03's traffic, the rings, dS and a dQ on chip.
// Shah et al., FlashAttention-3 (arXiv:2407.08608), Appendix B.1, Algorithm 3; the exchange of dS
// is that of its code (hopper/mainloop_bwd_sm90_tma_gmma_ws.hpp).
//
// What to look at: Which product is in flight while which elements are computed. And `dS`.
//
// Run it: ./ladder run --stage 04 --backward
#pragma once

#include "attention/backward_kernel.h"

namespace stage_04_v3_hopper {

using namespace tile;
using namespace flash;

template <int HeadDim, int QueryRows>
struct RowSums {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const GradientHead hbm = gradient_head(args, batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;  // a sequence shorter than the longest

    RightTile<Block, QueryRows, HeadDim> O(block, "O"), dO(block, "dO");
    ColumnVector<Block, QueryRows> D(block, "D");
    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");

    load(O, hbm.O, first_query);
    load(dO, hbm.dO, first_query);
    row_products(D, dO, O);
    store(hbm.D, first_query, D);
    fill(dQ, 0);
    store(hbm.dQ_acc, first_query, dQ);
    if (args.deterministic) first_turn(block, hbm.turns, query_tile);
  }
};

// A block: its shared memory, and what each role does with it.
template <class Block, int HeadDim, int QueryRows, int KeyRows>
struct GradientRoles {
  static constexpr int consumers = gradient_consumers(KeyRows);
  static constexpr int keys = KeyRows / consumers, width = HeadDim / consumers;  // of each

  Block& block;
  const AttentionArgs& args;
  const std::int64_t key_tile, first_head, batch;
  const std::int64_t first_key = key_tile * KeyRows;
  const GradientHead of_keys = gradient_head(args, batch, first_head);
  // The first query that sees a key of the tile, and the first that sees all of them.
  const std::int64_t sees_one = args.causal ? first_key - of_keys.diagonal : 0;
  const std::int64_t sees_all = args.causal ? sees_one + KeyRows - 1 : 0;

  Ring<Block, SharedTile<Block, keys, HeadDim, consumers>, consumers> K{block, "K", consumers};
  Ring<Block, LeftTile<Block, keys, HeadDim>, consumers> V{block, "V", 1};
  Ring<Block, RightTile<Block, QueryRows, HeadDim>, 2> Q{block, "Q", consumers};
  Ring<Block, RightTile<Block, QueryRows, HeadDim>, dO_ring_depth(HeadDim)> dO{block, "dO",
                                                                               consumers};
  Ring<Block, SharedVector<Block, QueryRows>, 2> LSE{block, "LSE", consumers};
  Ring<Block, SharedVector<Block, QueryRows>, 2> D{block, "D", consumers};
  Ring<Block, LeftTile<Block, QueryRows, keys>, consumers> dS{block, "dS", consumers};
  Ring<Block, SharedSums<Block, QueryRows, width>, consumers> dQ{block, "dQ", 1};

  // Each tile of queries that the block meets, the n-th of all.
  TILE_KERNEL void for_each_tile(const auto& visit) {
    std::int64_t n = 0;
    for (std::int64_t head = first_head; head < first_head + args.group(); ++head) {
      const GradientHead hbm = gradient_head(args, batch, head);
      std::int64_t first_query = std::max<std::int64_t>(sees_one, 0) / QueryRows * QueryRows;
      for (; first_query < hbm.queries; first_query += QueryRows) visit(hbm, first_query, n++);
    }
  }

  TILE_KERNEL void fetch(auto& ring, std::int64_t n, const auto& hbm, std::int64_t row) {
    wait(ring.empty(n), ring.parity(n) ^ 1);
    arrive_and_expect(ring.full(n), bytes(ring[n]));
    load_async(ring[n], hbm, row, ring.full(n));
  }

  TILE_KERNEL void produce() {
    set_registers<24>(block);
    // [1] K and V are fetched once, and for each tile of queries what belongs to it.
    for (int c = 0; c < consumers; ++c) {
      fetch(K, c, of_keys.K, first_key + c * keys);
      fetch(V, c, of_keys.V, first_key + c * keys);
    }
    for_each_tile([&](const GradientHead& hbm, std::int64_t first_query, std::int64_t n) {
      fetch(Q, n, hbm.Q, first_query);
      fetch(LSE, n, hbm.LSE, first_query);
      fetch(dO, n, hbm.dO, first_query);
      fetch(D, n, hbm.D, first_query);
    });
  }

  TILE_KERNEL void consume(int c) {
    Accumulator<Block, keys, QueryRows> S_t(block, "S^T"), dP_t(block, "dP^T");
    Operand<Block, keys, QueryRows> P_t(block, "P^T"), dS_t(block, "dS^T");
    Accumulator<Block, keys, HeadDim> dK(block, "dK"), dV(block, "dV");
    Accumulator<Block, QueryRows, width> dQ_part(block, "dQ part");
    ColumnVector<Block, QueryRows> shift(block, "LSE / scale");
    const std::int64_t own_key = first_key + c * keys;
    const float scale_log2 = args.scale * std::numbers::log2e_v<float>;
    set_registers<232>(block);
    fill(dK, 0);
    fill(dV, 0);
    for (int k = 0; k < consumers; ++k) wait(K.full(k), K.parity(k));
    wait(V.full(c), V.parity(c));

    for_each_tile([&](const GradientHead& hbm, std::int64_t first_query, std::int64_t n) {
      const std::int64_t first = n * consumers, own = first + c;  // uses of the rings of dS and dQ
      // [2] S and dP are in flight at once.
      wait(Q.full(n), Q.parity(n));
      mma_ABt_async(S_t, K[c], Q[n]);
      commit_products(block);
      wait(dO.full(n), dO.parity(n));
      mma_ABt_async(dP_t, V[c], dO[n]);
      commit_products(block);

      // [3] P, during the product of dP.
      wait(LSE.full(n), LSE.parity(n));
      copy(shift, LSE[n]);
      arrive(LSE.empty(n));
      scale(shift, 1 / args.scale);
      wait_products<1>(block);
      if (first_query < sees_all) mask_causal_rows(S_t, first_query - sees_one - c * keys);
      if (own_key + keys > hbm.keys) mask_end_rows(S_t, hbm.keys - own_key);
      exp2_difference(S_t, shift, scale_log2);

      // [4] dS = scale P (dP - D).
      wait_products<0>(block);
      if (args.dropout > 0) drop_transposed(dP_t, hbm.dropout, first_query, own_key);
      wait(D.full(n), D.parity(n));
      subtract_columns(dP_t, D[n]);
      arrive(D.empty(n));
      multiply(dP_t, S_t);
      scale(dP_t, args.scale);

      // [5] dV is in flight while dS is shared: slot k of the ring is of consumer k.
      convert(P_t, S_t);
      if (args.dropout > 0) drop_transposed(P_t, hbm.dropout, first_query, own_key);
      mma_AB_async(dV, P_t, dO[n]);
      commit_products(block);
      wait(dS.empty(own), dS.parity(own) ^ 1);
      transpose(dS[own], dP_t);
      arrive(dS.full(own));

      // [6] These columns of dQ, from all of dS, and dK.
      fill(dQ_part, 0);
      for (int k = 0; k < consumers; ++k) {
        wait(dS.full(first + k), dS.parity(first + k));
        mma_AB_async(dQ_part, dS[first + k], columns(K[k], c));
      }
      commit_products(block);
      convert(dS_t, dP_t);
      mma_AB_async(dK, dS_t, Q[n]);
      commit_products(block);

      // [7] What is done is given back, and dQ handed on during the product of dK.
      wait_products<2>(block);
      arrive(dO.empty(n));
      wait_products<1>(block);
      for (int k = 0; k < consumers; ++k) arrive(dS.empty(first + k));
      wait(dQ.empty(own), dQ.parity(own) ^ 1);
      copy(dQ[own], dQ_part);
      arrive(dQ.full(own));
      wait_products<0>(block);
      arrive(Q.empty(n));
    });
    if (own_key >= of_keys.keys) return;
    store(of_keys.dK, own_key, dK);
    store(of_keys.dV, own_key, dV);
  }

  TILE_KERNEL void write_dQ() {
    set_registers<24>(block);
    for_each_tile([&](const GradientHead& hbm, std::int64_t first_query, std::int64_t n) {
      const std::int64_t query_tile = first_query / QueryRows;
      // [8] The sum over keys goes to HBM.
      if (args.deterministic) wait_turn(block, hbm.turns, query_tile, key_tile);
      for (int c = 0; c < consumers; ++c) {
        const std::int64_t part = n * consumers + c;
        wait(dQ.full(part), dQ.parity(part));
        atomic_add(hbm.dQ_acc, first_query, dQ[part], c * width);
        arrive(dQ.empty(part));
      }
      if (args.deterministic) pass_turn(block, hbm.turns, query_tile);
    });
  }
};

template <int HeadDim, int QueryRows, int KeyRows>
struct Gradients {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [key_tile, kv_head, batch] = block.position();
    const std::int64_t first_head = kv_head * args.group();
    if (key_tile * KeyRows >= gradient_head(args, batch, first_head).keys) return;

    GradientRoles<Block, HeadDim, QueryRows, KeyRows> all{block, args, key_tile, first_head, batch};
    warpgroups(block, role("producer", [&] { all.produce(); }),
               roles<all.consumers>("consumer", [&](int c) { all.consume(c); }),
               role("dQ writer", [&] { all.write_dQ(); }));
  }
};

// dQ in the problem's type, where that is not fp32.
template <int HeadDim, int QueryRows>
struct Convert {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    const auto [query_tile, head, batch] = block.position();
    const GradientHead hbm = gradient_head(args, batch, head);
    const std::int64_t first_query = query_tile * QueryRows;
    if (first_query >= hbm.queries) return;

    Accumulator<Block, QueryRows, HeadDim> dQ(block, "dQ");
    load(dQ, hbm.dQ_acc, first_query);
    store(hbm.dQ, first_query, dQ);
  }
};

template <class Device>
void backward(Device& device, AttentionArgs args) {
  args.gradient.dQ_acc = dQ_workspace(device, args);
  args.gradient.D = row_workspace(device, Tensor::D, args);
  const TileShape tiles = backward_plan(args).tiles;
  allocate_turns(device, args, tiles.query_rows);
  with_backward_tiles(tiles, [&]<int HeadDim, int QueryRows, int KeyRows>() {
    const GridIndex queries = {ceil_div(args.seqlen_q, QueryRows), args.heads, args.batch};
    const GridIndex keys = {ceil_div(args.seqlen_k, KeyRows), args.kv_heads, args.batch};
    launch<RowSums<HeadDim, QueryRows>>(device, "row sums", queries, args.dtype, args);
    launch<Gradients<HeadDim, QueryRows, KeyRows>>(device, "gradients", keys, args.dtype, args);
    if (args.dtype != DType::f32)
      launch<Convert<HeadDim, QueryRows>>(device, "convert", queries, args.dtype, args);
  });
}

template <class Device>
Pass backward_pass() {
  return flash::backward_pass(backward<Device>, hopper_backward_cost);
}

}  // namespace stage_04_v3_hopper

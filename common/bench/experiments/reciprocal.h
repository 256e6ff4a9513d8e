// Stage 02 with one operation changed: O is multiplied by a rounded 1 / l where the stage divides
// by l. It keeps O, m and l on chip from tile to tile, as their way through HBM in fp32 changes no
// bit.
#pragma once

#include "attention/args.h"
#include "attention/tiles.h"
#include "tile/tile.h"

namespace flash {

enum class Division { exact, by_reciprocal };

template <class Block, int HeadDim, int QueryRows, int KeyRows>
TILE_KERNEL void normalised_attention(Block& block, const AttentionArgs& args, Division division) {
  using namespace tile;
  const auto [query_tile, head, batch] = block.position();
  const Head hbm = args.head(batch, head);
  const std::int64_t first_query = query_tile * QueryRows;

  LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
  RightTile<Block, KeyRows, HeadDim> K(block, "K"), V(block, "V");
  Accumulator<Block, QueryRows, KeyRows> S(block, "S");
  Accumulator<Block, QueryRows, HeadDim> O(block, "O");
  RowVector<Block, QueryRows> row_max(block, "m"), row_sum(block, "l"), rescale(block, "rescale"),
      inverse(block, "1 / l");

  load(Q, hbm.Q, first_query);
  fill(O, 0);
  fill(row_max, -INFINITY);
  fill(row_sum, 0);
  for (std::int64_t first_key = 0; first_key < hbm.keys; first_key += KeyRows) {
    load(K, hbm.K, first_key);
    load(V, hbm.V, first_key);

    mma_ABt(S, Q, K);
    scale(S, args.scale);
    mask_end(S, hbm.keys - first_key);
    if (args.causal) mask_causal(S, first_query + hbm.diagonal - first_key);

    copy(rescale, row_max);
    update_row_max(row_max, S);
    exp_difference(rescale, row_max);
    exp_difference(S, row_max);
    auto& P = S;

    multiply_rows(row_sum, rescale);
    multiply_rows(O, row_sum);
    add_row_sum(row_sum, P);
    mma_AB(O, P, V);
    if (division == Division::exact) {
      divide_rows(O, row_sum);
    } else {
      fill(inverse, 1);
      divide_rows(inverse, row_sum);
      multiply_rows(O, inverse);
    }
  }
  store(hbm.O, first_query, O);
}

// Writes args.O alone.
template <Division division>
inline void normalised_forward(tile::Device& device, AttentionArgs args) {
  constexpr int head_dim = 64;  // the only one that is compiled
  constexpr int query_tile = query_rows(head_dim), key_tile = key_rows(head_dim);
  if (args.head_dim != head_dim) throw BadInput("head_dim: expected 64");
  const tile::GridIndex grid = {tile::ceil_div(args.seqlen_q, query_tile), args.heads, args.batch};
  device.launch("attention", grid, args.dtype, [&]<class Block>(Block& block) {
    normalised_attention<Block, head_dim, query_tile, key_tile>(block, args, division);
  });
}

}  // namespace flash

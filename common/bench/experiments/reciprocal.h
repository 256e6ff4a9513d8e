// Stage 02 with one operation changed: O is multiplied by a rounded 1 / l where the stage divides
// by l. It keeps O, m and l on chip from tile to tile, as their way through HBM in fp32 changes no
// bit.
#pragma once

#include <string>

#include "attention/kernel.h"
#include "tile/cpu/backend.h"

namespace flash {

enum class Division { exact, by_reciprocal };

template <Division division, int HeadDim, int QueryRows, int KeyRows>
struct NormalisedAttention {
  template <class Block>
  TILE_KERNEL static void run(Block& block, const AttentionArgs& args) {
    using namespace tile;
    const auto [query_tile, head, batch] = block.position();
    const Head hbm = args.head(batch, head);
    const std::int64_t first_query = query_tile * QueryRows;

    LeftTile<Block, QueryRows, HeadDim> Q(block, "Q");
    RightTile<Block, KeyRows, HeadDim> K(block, "K"), V(block, "V");
    Accumulator<Block, QueryRows, KeyRows> S(block, "S");
    Operand<Block, QueryRows, KeyRows> P(block, "P");
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

      multiply_rows(row_sum, rescale);
      multiply_rows(O, row_sum);
      add_row_sum(row_sum, S);
      convert(P, S);
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
};

// Writes args.O alone.
template <Division division>
void normalised_forward(tile::cpu::Device& device, AttentionArgs args) {
  constexpr TileShape tiles = tile_shape(64);  // the only one that is compiled
  if (args.head_dim != tiles.head_dim)
    throw BadInput("head_dim", std::to_string(args.head_dim), "64");
  using Kernel = NormalisedAttention<division, tiles.head_dim, tiles.query_rows, tiles.key_rows>;
  const tile::GridIndex grid = {tile::ceil_div(args.seqlen_q, tiles.query_rows), args.heads,
                                args.batch};
  launch<Kernel>(device, "attention", grid, args.dtype, args);
}

}  // namespace flash

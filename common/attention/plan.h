// How a problem is divided: tile shapes, splits, the ring, and the order of work. Kernels and cost
// formulas read the same plan.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "attention/problem.h"
#include "attention/published_tiles.h"
#include "tile/math.h"

namespace flash {

struct Plan {
  TileShape tiles;
  int splits = 1;      // of the keys
  int ring_depth = 2;  // tiles of K, and of V, that the producer may be ahead
};

// A head dimension is padded with zeros to the next of these.
inline constexpr int padded_head_dims[] = {32, 64, 96, 128, 192, 256};

constexpr int padded_head_dim(std::int64_t head_dim) {
  for (const int padded : padded_head_dims)
    if (head_dim <= padded) return padded;
  return 0;
}

// In fp32 Q, K and V take at most 144 KB of shared memory, which every GPU in tile/gpu.h has.
constexpr TileShape tile_shape(int padded_head_dim) {
  return {padded_head_dim, padded_head_dim <= 192 ? 128 : 64, padded_head_dim <= 128 ? 64 : 32};
}

// For `rows` packed rows a sequence: the heads of a few queries fill 8 (the n of mma.sync, its
// operands exchanged) or 16 (the m); longer ones take the tile of the other stages. Few rows leave
// room for twice as many keys, which halves what is done once a tile.
constexpr TileShape packed_tile_shape(int padded_head_dim, std::int64_t rows) {
  const TileShape usual = tile_shape(padded_head_dim);
  if (rows > 16) return usual;
  return {padded_head_dim, rows <= 8 ? 8 : 16, 2 * usual.key_rows};
}

Plan plan_of(const Shape& shape);

// Warpgroups that share a tile of queries: a product (WGMMA) has 64 rows, and turns take two.
constexpr int consumers_of(int query_rows) {
  return std::max(2, query_rows / 64);
}

// Of the backward pass, whose blocks hold K and V and sum up dK and dV on chip. Many keys, as each
// tile of keys goes over all queries. In fp32 K, V, Q and dO take at most 160 KB of shared memory,
// which every GPU in tile/gpu.h has; with O, as in stage 02, 176 KB, which an A100 has not.
constexpr TileShape backward_tile_shape(int padded_head_dim) {
  return {padded_head_dim, padded_head_dim <= 64 ? 64 : 32, padded_head_dim <= 128 ? 128 : 32};
}

Plan backward_plan(const Shape& shape);

// Warpgroups that share a tile of keys, and tiles of dO in stage 04's ring, for two of which an
// H100 has no room where a row has 256 elements.
constexpr int gradient_consumers(int key_rows) {
  return std::max(1, key_rows / 64);
}
constexpr int dO_ring_depth(int padded_head_dim) {
  return padded_head_dim < 256 ? 2 : 1;
}

// Of Flash-Decoding while a tile holds the queries of one head.
Plan splits_plan(const Shape& shape);

// Of Flash-Decoding, whose tiles hold the query heads of a group.
Plan decoding_plan(const Shape& shape);

inline constexpr int max_splits = 128;

// The number of splits that FlashAttention-3 chooses (its hopper/heuristics.h): the fewest that
// fill the processors, over all waves of blocks, 0.85 times as well as the best number does. One
// split if there are blocks enough without, or few keys; but a K and V that the second cache cannot
// hold (50 MB) are split to fit if queries pass over them more than once.
//
// `query_tiles` are those of one key head, `blocks` those of all; `kv_bytes` the bytes of K and V.
int num_splits(std::int64_t blocks, std::int64_t query_tiles, std::int64_t key_tiles,
               std::int64_t kv_bytes, bool causal);

// Keys that a split attends to of those that are seen: whole tiles, as even as that allows. Some
// splits may have none.
TILE_HOST_DEVICE inline KeyRange keys_of_split(std::int64_t seen, std::int64_t key_rows,
                                               std::int64_t split, std::int64_t splits) {
  const std::int64_t tiles = tile::ceil_div(std::max<std::int64_t>(seen, 0), key_rows);
  const std::int64_t share = tile::ceil_div(tiles, splits) * key_rows;
  return {split * share, std::min(seen, (split + 1) * share)};
}

// A tile of queries of one head, and the keys that its first and its last row see.
struct QueryTile {
  std::int32_t query_tile, head, batch;
  std::int32_t first_query, diagonal;
  std::int32_t seen_by_all, seen;
};

// Every tile that has queries, those that see the most keys first: the last block to finish then
// has little left to do (Graham, 1969, bounds what is lost). But over all heads at once their K and
// V would pass by for each row of tiles, and come from HBM each time; so the longest are first
// among so many heads as fit in the second cache, section after section. That costs next to
// nothing: no block waits between two sections, and the short tiles of the last one fill the end.
// Tiles that see as many stay in the order of the grid. (FlashAttention-3's scheduler for causal
// masks, hopper/tile_scheduler.hpp; for variable length the longest sequences come first.)
std::vector<QueryTile> longest_first(const Shape& shape, int query_rows);

// Query heads whose K and V fit in 32 MB, at least those of one key head; a power of two of key
// heads, as in FlashAttention-3.
std::int64_t heads_in_a_section(const Shape& shape);

// Steps are compiled for the padded head dimensions 64 and 128; smaller ones are padded to these.
inline constexpr int max_step_head_dim = 128;

// The padded head dimension that no quick case has.
inline constexpr int not_quick_head_dim = 192;

constexpr TileShape step_tiles(const TileShape& tiles) {
  return {tiles.head_dim <= 64 ? 64 : 128, tiles.query_rows, tiles.key_rows};
}

#ifdef ATTENTION_STEP
constexpr bool is_step = true;
#else
constexpr bool is_step = false;
#endif

#ifdef ATTENTION_QUICK
constexpr bool is_quick = true;
#else
constexpr bool is_quick = false;
#endif

// A program that compiles many kernels may define the one padded head dimension that it asks for.
constexpr bool is_compiled([[maybe_unused]] int padded_head_dim) {
#ifdef ATTENTION_HEAD_DIM
  return padded_head_dim == ATTENTION_HEAD_DIM;
#else
  if (is_quick && padded_head_dim == not_quick_head_dim) return false;
  return !is_step || padded_head_dim == 64 || padded_head_dim == 128;
#endif
}

// Calls f.operator()<HeadDim, QueryRows, KeyRows>() for the shape, which is one of tile_shape's.
#ifndef ATTENTION_PUBLISHED_TILES
template <class F>
void with_tiles(const TileShape& asked, F&& f) {
  const TileShape shape = is_step ? step_tiles(asked) : asked;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto call = [&]<int HeadDim>() {
      constexpr TileShape tiles = tile_shape(HeadDim);
      if constexpr (is_compiled(HeadDim))
        if (shape == tiles) f.template operator()<HeadDim, tiles.query_rows, tiles.key_rows>();
    };
    (call.template operator()<padded_head_dims[I]>(), ...);
  }
  (std::make_index_sequence<std::size(padded_head_dims)>());
}
#else  // for the modelled GPU: with a table of attention/published_tiles.h in place of tile_shape
template <class F>
void with_tiles(const TileShape& asked, F&& f) {
  const auto call = [&]<int HeadDim>() {
    constexpr TileShape tiles = ATTENTION_PUBLISHED_TILES(HeadDim);
    if (published_head_dim(asked.head_dim) == HeadDim)
      f.template operator()<HeadDim, tiles.query_rows, tiles.key_rows>();
  };
  call.template operator()<64>(), call.template operator()<128>(), call.template operator()<256>();
}
#endif

// The same for one of backward_tile_shape's.
template <class F>
void with_backward_tiles(const TileShape& asked, F&& f) {
  const TileShape shape = is_step ? step_tiles(asked) : asked;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto call = [&]<int HeadDim>() {
      constexpr TileShape tiles = backward_tile_shape(HeadDim);
      if constexpr (is_compiled(HeadDim))
        if (shape == tiles) f.template operator()<HeadDim, tiles.query_rows, tiles.key_rows>();
    };
    (call.template operator()<padded_head_dims[I]>(), ...);
  }
  (std::make_index_sequence<std::size(padded_head_dims)>());
}

// The same for one of packed_tile_shape's.
template <class F>
void with_packed_tiles(const TileShape& asked, F&& f) {
  const TileShape shape = is_step ? step_tiles(asked) : asked;
  if (shape.query_rows > 16) return with_tiles(shape, f);
  with_tiles(tile_shape(shape.head_dim), [&]<int HeadDim, int, int>() {
    constexpr TileShape eight = packed_tile_shape(HeadDim, 8);
    if (shape == eight)
      f.template operator()<HeadDim, 8, eight.key_rows>();
    else
      f.template operator()<HeadDim, 16, eight.key_rows>();
  });
}

}  // namespace flash

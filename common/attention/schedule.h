// The order in which a persistent kernel works on the query tiles.
#pragma once

#include <cstdint>
#include <vector>

#include "attention/args.h"

namespace flash {

// A tile of queries of one head, and the keys that its first and its last row see.
struct QueryTile {
  std::int64_t query_tile, head, batch;
  std::int64_t first_query, diagonal;
  std::int64_t seen_by_all, seen;
};

// Every tile that has queries, those that see the most keys first: the last block to finish then
// has little left to do. (FlashAttention-3's scheduler for causal masks and variable length;
// Graham, 1969, bounds what is lost.) Tiles that see as many stay in the order of the grid.
std::vector<QueryTile> longest_first(const AttentionArgs& args, int query_rows);

}  // namespace flash

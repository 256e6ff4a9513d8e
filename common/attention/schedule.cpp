#include "attention/schedule.h"

#include <algorithm>

namespace flash {

std::vector<QueryTile> longest_first(const AttentionArgs& args, int query_rows) {
  std::vector<QueryTile> tiles;
  for (std::int64_t batch = 0; batch < args.batch; ++batch) {
    for (std::int64_t head = 0; head < args.heads; ++head) {
      const Head hbm = args.head(batch, head);
      for (std::int64_t first = 0; first < hbm.queries; first += query_rows) {
        const std::int64_t diagonal = first + hbm.diagonal;
        const auto seen = [&](std::int64_t row) {
          return args.causal ? std::clamp<std::int64_t>(diagonal + row + 1, 0, hbm.keys) : hbm.keys;
        };
        tiles.push_back({.query_tile = first / query_rows,
                         .head = head,
                         .batch = batch,
                         .first_query = first,
                         .diagonal = diagonal,
                         .seen_by_all = seen(0),
                         .seen = seen(query_rows - 1)});
      }
    }
  }
  std::stable_sort(tiles.begin(), tiles.end(),
                   [](const QueryTile& a, const QueryTile& b) { return a.seen > b.seen; });
  return tiles;
}

}  // namespace flash

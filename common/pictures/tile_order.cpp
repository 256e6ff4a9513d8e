// In which order the tiles of S are visited, forward and backward.
#include <vector>

#include "attention/plan.h"
#include "pictures/drawings.h"

namespace flash {
namespace {

const Problem problem = {
    .heads = 1, .kv_heads = 1, .seqlen_q = 768, .seqlen_k = 768, .causal = true};

constexpr double row_size = 0.34375, grid_y = 122;  // of a query, or a key: 22 for 64

// A visit of a tile of S.
struct Visit {
  std::int64_t query_tile, key_tile;
  int time;      // within its block
  bool is_seen;  // by some query of the tile
};

// What the queries of each tile see, in the order of the grid.
std::vector<std::int64_t> seen_key_tiles(const Plan& plan) {
  const std::vector<QueryTile> tiles = longest_first(problem.shape(), plan.tiles.query_rows);
  std::vector<std::int64_t> seen(tiles.size());
  for (const QueryTile& tile : tiles)
    seen[tile.query_tile] =
        tile::ceil_div(std::int64_t{tile.seen}, std::int64_t{plan.tiles.key_rows});
  return seen;
}

std::int64_t key_tiles(const Plan& plan) {
  return tile::ceil_div(problem.seqlen_k, std::int64_t{plan.tiles.key_rows});
}

// 01 and 02: the loops of one block.
std::vector<Visit> keys_outside(const Plan& plan) {
  const std::vector<std::int64_t> seen = seen_key_tiles(plan);
  std::vector<Visit> visits;
  int time = 0;
  for (std::int64_t key = 0; key < key_tiles(plan); ++key)
    for (std::int64_t query = 0; query < std::ssize(seen); ++query)
      visits.push_back({query, key, ++time, key < seen[query]});
  return visits;
}

// 03: a block for each tile of queries, which ends at the last key that it sees.
std::vector<Visit> queries_outside(const Plan& plan) {
  const std::vector<std::int64_t> seen = seen_key_tiles(plan);
  std::vector<Visit> visits;
  for (std::int64_t query = 0; query < std::ssize(seen); ++query)
    for (std::int64_t key = 0; key < seen[query]; ++key)
      visits.push_back({query, key, static_cast<int>(key) + 1, true});
  return visits;
}

// 02's backward pass: the loops of one block, each over whole tiles.
std::vector<Visit> keys_outside_backward(const TileShape& tiles) {
  std::vector<Visit> visits;
  int time = 0;
  for (std::int64_t key = 0; key * tiles.key_rows < problem.seqlen_k; ++key)
    for (std::int64_t query = 0; query * tiles.query_rows < problem.seqlen_q; ++query)
      visits.push_back({query, key, ++time, (query + 1) * tiles.query_rows > key * tiles.key_rows});
  return visits;
}

// 03's: a block for each tile of keys, which begins at the first query that sees one of them.
std::vector<Visit> blocks_of_keys(const TileShape& tiles) {
  std::vector<Visit> visits;
  int time = 0;
  for (Visit visit : keys_outside_backward(tiles)) {
    if (!visit.is_seen) {
      time = 0;
      continue;
    }
    if (!visits.empty() && visits.back().key_tile != visit.key_tile) time = 0;
    visit.time = ++time;
    visits.push_back(visit);
  }
  return visits;
}

void draw_visits(Svg& svg, Point at, const TileShape& tiles, const std::vector<Visit>& visits) {
  const double cell_width = row_size * tiles.key_rows, cell_height = row_size * tiles.query_rows;
  int last = 0;
  for (const Visit& visit : visits) last = std::max(last, visit.time);
  for (const Visit& visit : visits) {
    const Box box = {at.x + cell_width * static_cast<double>(visit.key_tile),
                     at.y + cell_height * static_cast<double>(visit.query_tile), cell_width,
                     cell_height};
    const double shade = 0.2 + 0.8 * visit.time / last;
    svg.rect(box, visit.is_seen ? Fill{Paint::blue, Pattern::plain, shade}
                                : Fill{Paint::red, Pattern::stripes, shade});
    svg.frame(box, {Paint::muted, 0.7});
    svg.label({box.x - 4, box.y, box.width + 8, box.height}, std::to_string(visit.time),
              {.size = small_size, .halo = !visit.is_seen});
  }
}

void draw_grid(Svg& svg, double x, const TileShape& tiles, std::string_view title,
               std::string_view who, const std::vector<Visit>& visits) {
  const Box grid = {x, grid_y, row_size * static_cast<double>(problem.seqlen_k),
                    row_size * static_cast<double>(problem.seqlen_q)};
  svg.text({x, grid_y - 58}, title, {.bold = true});
  svg.text({x, grid_y - 40}, who, small);
  svg.text({x, grid_y - 10}, "queries ↓", small_muted);
  svg.text({grid.right(), grid_y - 10}, "keys →",
           {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
  draw_visits(svg, {x, grid_y}, tiles, visits);
  svg.frame(grid, {Paint::muted, 1});
  svg.line({x, grid_y}, {grid.right(), grid.bottom()}, {Paint::ink, 1.5, true});
  const auto unseen = std::ranges::count(visits, false, &Visit::is_seen);
  svg.text({x, grid.bottom() + 18},
           std::to_string(visits.size()) + " visits" +
               (unseen > 0 ? ", " + std::to_string(unseen) + " of tiles that no query sees" : ""),
           small);
}

// Below the grids, which are `bottom` away from the top.
double draw_legend(Svg& svg, double bottom, const TileShape& tiles) {
  const double below =
      svg.legend({24, bottom}, {{"visit n of a block; later is darker", {Paint::blue}},
                                {"masked throughout", {Paint::red, Pattern::stripes}}});
  svg.text({24, below + 12},
           "Dashed: the causal mask. Each tile is " + std::to_string(tiles.query_rows) +
               " queries by " + std::to_string(tiles.key_rows) + " keys.",
           small_muted);
  return below + 26;
}

constexpr double left = 24, right = 344;
constexpr double grid_bottom = grid_y + row_size * 768;

double draw_forward(Svg& svg) {
  const Plan plan = plan_of(problem.shape());
  draw_grid(svg, left, plan.tiles, "01, 02: keys outside", "one block; 01 makes this walk twice",
            keys_outside(plan));
  draw_grid(svg, right, plan.tiles, "03: queries outside",
            std::to_string(seen_key_tiles(plan).size()) + " blocks, a row each, side by side",
            queries_outside(plan));
  return draw_legend(svg, grid_bottom + 32, plan.tiles);
}

double draw_backward(Svg& svg) {
  const TileShape tiles = backward_plan(problem.shape()).tiles;
  draw_grid(svg, left, tiles, "02: keys outside", "one block", keys_outside_backward(tiles));
  draw_grid(
      svg, right, tiles, "03: a block owns keys",
      std::to_string(problem.seqlen_k / tiles.key_rows) + " blocks, a column each, side by side",
      blocks_of_keys(tiles));
  const double y = grid_bottom + 40;
  svg.text({left, y}, "↓ dK, dV: sums along a column. They stay on chip, and are written once.",
           small);
  svg.text({left, y + 18},
           "→ dQ: a sum along a row. It is added up in HBM: by one block in turn, or by all.",
           small);
  return draw_legend(svg, y + 36, tiles);
}

}  // namespace

Picture tile_order_picture() {
  return {"tile_order", "Which tile of S comes when",
          "Two grids of tiles, queries downwards and keys to the right, with the number of each "
          "visit. In 01 and 02 one block goes down a column of queries for each tile of keys, and "
          "visits the tiles above the causal diagonal too. In 03 each row is a block of its own, "
          "goes through its keys from left to right, and stops at the diagonal.",
          draw_forward};
}

Picture backward_order_picture() {
  return {
      "backward_order", "Which tile comes when, backward",
      "Two grids of tiles, queries downwards and keys to the right, with the number of each visit. "
      "In the backward pass of 02 one block goes down the column of each tile of keys, above the "
      "causal diagonal as well. In that of 03 each column is a block of its own, which begins at "
      "the "
      "diagonal. dK and dV are sums along columns, dQ is one along rows.",
      draw_backward};
}

}  // namespace flash

// In which order the tiles of S are visited: keys outside, and queries outside.
#include <vector>

#include "attention/plan.h"
#include "pictures/drawings.h"

namespace flash {
namespace {

const Problem problem = {
    .heads = 1, .kv_heads = 1, .seqlen_q = 768, .seqlen_k = 768, .causal = true};

constexpr double cell_width = 22, cell_height = 44, grid_y = 122;

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

void draw_visits(Svg& svg, Point at, const std::vector<Visit>& visits) {
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

void draw_grid(Svg& svg, double x, const Plan& plan, std::string_view title, std::string_view who,
               const std::vector<Visit>& visits) {
  const double width = cell_width * static_cast<double>(key_tiles(plan));
  const double height = cell_height * static_cast<double>(seen_key_tiles(plan).size());
  const Box grid = {x, grid_y, width, height};
  svg.text({x, grid_y - 58}, title, {.bold = true});
  svg.text({x, grid_y - 40}, who, small);
  svg.text({x, grid_y - 10}, "queries ↓", small_muted);
  svg.text({grid.right(), grid_y - 10}, "keys →",
           {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
  draw_visits(svg, {x, grid_y}, visits);
  svg.frame(grid, {Paint::muted, 1});
  svg.line({x, grid_y}, {grid.right(), grid.bottom()}, {Paint::ink, 1.5, true});
  const auto unseen = std::ranges::count(visits, false, &Visit::is_seen);
  svg.text({x, grid.bottom() + 18},
           std::to_string(visits.size()) + " visits" +
               (unseen > 0 ? ", " + std::to_string(unseen) + " of tiles that no query sees" : ""),
           small);
}

double draw(Svg& svg) {
  const Plan plan = plan_of(problem.shape());
  const std::vector<Visit> one_block = keys_outside(plan), blocks = queries_outside(plan);
  const std::size_t rows = seen_key_tiles(plan).size();
  draw_grid(svg, 24, plan, "01, 02: keys outside", "one block; 01 makes this walk twice",
            one_block);
  draw_grid(svg, 344, plan, "03: queries outside",
            std::to_string(rows) + " blocks, a row each, side by side", blocks);
  const double y = grid_y + cell_height * static_cast<double>(rows) + 32;
  const double below = svg.legend({24, y}, {{"visit n of a block; later is darker", {Paint::blue}},
                                            {"masked throughout", {Paint::red, Pattern::stripes}}});
  svg.text({24, below + 12},
           "Dashed: the causal mask. Each tile is " + std::to_string(plan.tiles.query_rows) +
               " queries by " + std::to_string(plan.tiles.key_rows) + " keys.",
           small_muted);
  return below + 26;
}

}  // namespace

Picture tile_order_picture() {
  return {"tile_order", "Which tile of S comes when",
          "Two grids of tiles, queries downwards and keys to the right, with the number of each "
          "visit. In 01 and 02 one block goes down a column of queries for each tile of keys, and "
          "visits the tiles above the causal diagonal too. In 03 each row is a block of its own, "
          "goes through its keys from left to right, and stops at the diagonal.",
          draw};
}

}  // namespace flash

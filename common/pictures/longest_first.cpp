// Causal tiles of queries on 132 SMs: in the order of the grid, and the longest first.
#include <algorithm>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "attention/plan.h"
#include "drawing/svg_text.h"
#include "model/sm.h"
#include "pictures/drawings.h"
#include "report/units.h"

namespace flash {
namespace {

const Problem problem = {.heads = 16,
                         .kv_heads = 16,
                         .seqlen_q = 4096,
                         .seqlen_k = 4096,
                         .head_dim = 128,
                         .dtype = DType::bf16,
                         .causal = true};

// A tile of queries on an SM, in the time of a tile of keys.
struct Work {
  int sm;
  double begin, end;
};

// Whoever is free first takes the next.
std::vector<Work> dealt(const std::vector<QueryTile>& tiles, int key_rows, int sms) {
  using Free = std::pair<double, int>;
  std::priority_queue<Free, std::vector<Free>, std::greater<>> free;
  for (int sm = 0; sm < sms; ++sm) free.push({0, sm});
  std::vector<Work> work;
  for (const QueryTile& tile : tiles) {
    const auto [time, sm] = free.top();
    free.pop();
    const double end = time + tile::ceil_div(tile.seen, key_rows);
    work.push_back({sm, time, end});
    free.push({end, sm});
  }
  return work;
}

// The order of the grid of stage 03: query tiles of a head, then the next head.
std::vector<QueryTile> in_grid_order(std::vector<QueryTile> tiles) {
  std::ranges::stable_sort(
      tiles, {}, [](const QueryTile& tile) { return std::pair(tile.head, tile.query_tile); });
  return tiles;
}

double end_of(const std::vector<Work>& work) {
  return std::ranges::max_element(work, {}, &Work::end)->end;
}

double idle_share(const std::vector<Work>& work, int sms) {
  double busy = 0;
  for (const Work& piece : work) busy += piece.end - piece.begin;
  return 1 - busy / (end_of(work) * sms);
}

constexpr double first_x = Svg::margin, height = 150;

// SMs across, time downwards.
void draw_schedule(Svg& svg, std::string_view title, const std::vector<Work>& work, double longest,
                   int sms, double y) {
  const double step = (Svg::width - 2 * first_x) / sms, end = end_of(work);
  svg.text({first_x, y + 12}, title, {.bold = true});
  svg.text({Svg::width - first_x, y + 12},
           "time " + number(end) + " tiles of keys, " + percent_text(idle_share(work, sms)) +
               " of all SMs' time idle",
           {.size = small_size, .anchor = Anchor::end});
  const double top = y + 22;
  svg.rect({first_x, top, step * sms, height * end / longest}, {Paint::red, Pattern::stripes});
  std::vector<Box> columns, boxes;  // with a gap between two boxes
  for (const Work& piece : work) {
    const Box box = {first_x + step * piece.sm, top + height * piece.begin / longest, step,
                     height * (piece.end - piece.begin) / longest};
    columns.push_back(box);
    boxes.push_back({box.x, box.y, box.width - 0.8, box.height - 0.8});
  }
  svg.boxes(columns, {Paint::paper});
  svg.boxes(boxes, {Paint::blue});
  svg.frame({first_x, top, step * sms, height * end / longest});
}

double draw(Svg& svg) {
  const int sms = model::find_gpu("h100").sms;
  const Plan plan = plan_of(problem.shape());
  const std::vector<QueryTile> tiles = longest_first(problem.shape(), plan.tiles.query_rows);
  const std::vector<Work> longest = dealt(tiles, plan.tiles.key_rows, sms);
  const std::vector<Work> grid = dealt(in_grid_order(tiles), plan.tiles.key_rows, sms);
  const double most = std::max(end_of(longest), end_of(grid));
  double y = svg.legend({first_x, Svg::top}, {{"a tile of queries", {Paint::blue}},
                                              {"no work left", {Paint::red, Pattern::stripes}}}) +
             6;
  draw_schedule(svg, "03: in the order of the grid", grid, most, sms, y);
  y += height + 44;
  draw_schedule(svg, "04: the longest first", longest, most, sms, y);
  y += height * end_of(longest) / most + 44;
  svg.text({first_x, y},
           "Across: " + std::to_string(sms) + " SMs. Down: time. " + std::to_string(problem.heads) +
               " heads, " + std::to_string(problem.seqlen_k) +
               " keys, causal: " + std::to_string(tiles.size()) + " tiles of " +
               std::to_string(plan.tiles.query_rows) + " queries.",
           small_muted);
  return y + 14;
}

}  // namespace

Picture longest_first_picture() {
  return {
      "longest_first", "Which tile of queries first, under a causal mask",
      "Two charts of 132 SMs, time downwards. In the order of the grid, tiles that see many keys "
      "begin late, and most SMs wait for the last of them. With the longest first the short ones "
      "fill what is left, and all SMs end at nearly the same time.",
      draw};
}

}  // namespace flash

// The memories of an H100, and what stage 03 has in each of them.
#include <algorithm>
#include <vector>

#include "attention/cost/head_size.h"
#include "attention/plan.h"
#include "drawing/svg_text.h"
#include "model/sm.h"
#include "pictures/drawings.h"
#include "report/units.h"

namespace flash {
namespace {

const Problem problem = {.heads = 16,
                         .kv_heads = 16,
                         .seqlen_q = 8192,
                         .seqlen_k = 8192,
                         .head_dim = 128,
                         .dtype = DType::bf16};

struct Part {
  std::string text;
  double bytes;
  Fill fill;
};

struct Level {
  std::string_view name;
  double bytes;
  std::string size, bandwidth;
  std::vector<Part> parts;
  std::string below;  // said of the parts
};

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr Fill of_Q = {Paint::blue}, of_KV = {Paint::green, Pattern::stripes},
               of_S = {Paint::red, Pattern::crosses}, of_O = {Paint::orange, Pattern::back_stripes},
               of_rows = {Paint::yellow, Pattern::dots};

// Bandwidths are those of FlashAttention-3 (arXiv:2407.08608, section 2.2), and, where two are
// given, what we measured (docs/results/gpu_h100.json). Shared memory's is that of all SMs.
std::vector<Level> levels() {
  const model::Gpu& gpu = model::find_gpu("h100");
  const Plan plan = plan_of(problem.shape());
  const TileBytes of = tile_bytes(problem, plan);
  const auto in = [](std::int64_t bytes) { return static_cast<double>(bytes); };
  const double matrix = in(problem.seqlen_k * problem.head_dim * size_in_bytes(problem.dtype));
  const double all = 4 * matrix * in(problem.heads);
  const auto kib = [](const std::string& name, double bytes) {
    return name + " " + kib_text(bytes);
  };
  return {{"registers",
           in(gpu.register_bytes),
           kib_text(in(gpu.register_bytes)) + " an SM",
           "each thread its own",
           {{"S", in(of.S), of_S},
            {"P", in(of.P), of_S},
            {"O", in(of.O), of_O},
            {"", 3 * in(of.vector), of_rows}},
           kib("S", in(of.S)) + ", " + kib("P", in(of.P)) + ", " + kib("O", in(of.O)) +
               "; m, l, rescale " + kib_text(3 * in(of.vector))},
          {"shared memory",
           in(gpu.shared_bytes),
           kib_text(in(gpu.shared_bytes)) + " an SM",
           "31 TB/s",
           {{"Q", in(of.Q), of_Q}, {"K", in(of.K), of_KV}, {"V", in(of.K), of_KV}},
           kib("Q", in(of.Q)) + ", " + kib("K", in(of.K)) + ", " + kib("V", in(of.K)) +
               ": a tile of each, of one block"},
          {"L2 cache",
           gpu.l2_bytes,
           number(gpu.l2_bytes / 1024 / 1024) + " MiB",
           "12 TB/s, " + number(gpu.l2_bytes_per_s / 1e12, 1) + " measured",
           {{"K, V", 2 * matrix, of_KV}},
           "K and V of a head, " + bytes_text(2 * matrix) + ": its blocks read them again"},
          {"HBM",
           80 * gib,
           "80 GiB",
           "3.35 TB/s, " + number(gpu.hbm_bytes_per_s / 1e12, 2) + " measured",
           {{"", all, of_Q}},
           "Q, K, V and O of " + std::to_string(problem.heads) + " heads, " + bytes_text(all)}};
}

constexpr double bar_x = 214, level_height = 84;

void draw_level(Svg& svg, const Level& level, double y) {
  const Box bar = {bar_x, y + 8, Svg::width - Svg::margin - bar_x, 30};
  svg.text({Svg::margin, y + 20}, level.name, {.bold = true});
  svg.text({Svg::margin, y + 38}, level.size, small);
  svg.text({Svg::margin, y + 55}, level.bandwidth, small);
  double x = bar.x;
  for (const Part& part : level.parts) {
    const Box box = {x, bar.y, std::max(1.5, bar.width * part.bytes / level.bytes), bar.height};
    svg.rect(box, part.fill);
    svg.frame(box);
    svg.label(box, part.text, {.size = small_size, .bold = true, .halo = true});
    x = box.right();
  }
  svg.frame(bar, {Paint::ink, 1.5});
  svg.text({bar.x, bar.bottom() + 17}, level.below, small);
}

void draw_way(Svg& svg, double y, std::string_view text) {
  const double x = Svg::width - Svg::margin - 12;
  svg.arrow({x, y + 22}, {x, y}, {Paint::muted, 2});
  svg.text({x - 10, y + 15}, text,
           {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
}

double draw(Svg& svg) {
  static constexpr std::string_view ways[] = {
      "operands of products", "load: what the counters count", "what the cache does not hold"};
  double y = Svg::top;
  int way = 0;
  for (const Level& level : levels()) {
    if (way > 0) draw_way(svg, y - 22, ways[way - 1]);
    draw_level(svg, level, y);
    y += level_height + (++way < 4 ? 12 : 0);
  }
  const Plan plan = plan_of(problem.shape());
  svg.text({Svg::margin, y},
           "Each bar is a memory, to scale. Stage 03, bf16, d = 128: tiles of " +
               std::to_string(plan.tiles.query_rows) + " queries and " +
               std::to_string(plan.tiles.key_rows) + " keys.",
           small_muted);
  return y + 14;
}

}  // namespace

Picture memory_hierarchy_picture() {
  return {
      "memory_hierarchy", "The memories of an H100, and what is in them",
      "Four memories from fast and small to slow and large, each a bar with stage 03's tiles "
      "drawn to scale: registers with S, P, O and the row statistics; shared memory with a "
      "tile of Q, of K and of V; the L2 cache with K and V of a head; HBM, of which all tensors "
      "together are a sliver.",
      draw};
}

}  // namespace flash

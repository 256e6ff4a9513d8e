// Bytes between HBM and the chip, by tensor, of every stage.
#include <algorithm>
#include <array>

#include "attention/tensor.h"
#include "drawing/axes.h"
#include "pictures/drawings.h"
#include "report/units.h"

namespace flash {
namespace {

struct Group {
  std::string_view text, short_text;
  Fill fill;
  std::vector<tile::TensorId> tensors;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> all = {
      {"Q", "Q", {Paint::blue}, {Tensor::Q}},
      {"K, V", "K, V", {Paint::green, Pattern::stripes}, {Tensor::K, Tensor::V}},
      {"S, P", "S, P", {Paint::red, Pattern::crosses}, {Tensor::S, Tensor::P}},
      {"O between key tiles", "O", {Paint::orange, Pattern::back_stripes}, {Tensor::O_acc}},
      {"m, l", "", {Paint::yellow, Pattern::dots}, {Tensor::m, Tensor::l}},
      {"FP8 copies",
       "",
       {Paint::purple, Pattern::dots},
       {Tensor::Q8, Tensor::K8, Tensor::V8, Tensor::scales}},
      {"O, LSE and the rest",
       "",
       {Paint::grey},
       {Tensor::O_split, Tensor::LSE_split, Tensor::pages, Tensor::schedule, Tensor::O,
        Tensor::LSE}},
  };
  return all;
}

Problem problem_of(std::int64_t head_dim) {
  return {.seqlen_q = 4096, .seqlen_k = 4096, .head_dim = head_dim};
}

std::int64_t moved(const tile::Counters& cost, const Group& group) {
  std::int64_t bytes = 0;
  for (const tile::TensorId tensor : group.tensors)
    bytes += cost.hbm_read[tensor] + cost.hbm_write[tensor];
  return bytes;
}

constexpr double bar_height = 20, bar_step = 25, bars_begin = 150, bars_end = 556;

void draw_bar(Svg& svg, const tile::Counters& cost, const Scale& scale, double y) {
  std::int64_t before = 0;
  for (const Group& group : groups()) {
    const std::int64_t bytes = moved(cost, group);
    const double begin = scale(static_cast<double>(before));
    const double end = scale(static_cast<double>(before + bytes));
    before += bytes;
    if (end - begin < 0.3) continue;
    const Box box = {begin, y, end - begin, bar_height};
    svg.rect(box, group.fill);
    svg.frame(box);
    svg.label(box, group.short_text,
              {.size = small_size, .halo = group.fill.pattern != Pattern::plain});
  }
  svg.text({scale(static_cast<double>(before)) + 6, y + 15},
           bytes_text(static_cast<double>(before)), small);
}

TrafficPanel panel_of(const std::vector<Stage>& stages, std::int64_t head_dim) {
  TrafficPanel panel = {"d = " + std::to_string(head_dim), {}};
  for (const Stage& stage : stages)
    if (!stage.is_step())
      panel.bars.emplace_back(std::string(stage.name), stage.cost(problem_of(head_dim)));
  return panel;
}

}  // namespace

double draw_traffic(Svg& svg, const std::vector<TrafficPanel>& panels, const std::string& note) {
  std::int64_t most = 1;
  for (const TrafficPanel& panel : panels)
    for (const auto& [stage, cost] : panel.bars) most = std::max(most, cost.hbm_bytes());
  const Scale scale = {0, static_cast<double>(most), bars_begin, bars_end};
  std::vector<LegendEntry> entries;
  for (const Group& group : groups()) entries.push_back({std::string(group.text), group.fill});
  double y = svg.legend({Svg::margin, Svg::top}, entries) + 8;
  for (const TrafficPanel& panel : panels) {
    if (&panel != &panels.front()) y += 10;
    svg.text({Svg::margin, y + 12}, panel.title, {.bold = true});
    y += 22;
    for (const auto& [stage, cost] : panel.bars) {
      svg.text({Svg::margin, y + 15}, stage, small);
      draw_bar(svg, cost, scale, y);
      y += bar_step;
    }
  }
  svg.text({Svg::margin, y + 14}, note, small_muted);
  return y + 28;
}

Picture traffic_picture(const PictureSources& sources) {
  return {"traffic", "Bytes between HBM and the blocks",
          "Stacked bars of the bytes that each stage moves, by tensor, for head dimensions 64 and "
          "128. Stage 00 moves mostly S and P. In 01 and 02 these are gone, but Q and the "
          "unfinished O travel once for each tile of keys, and weigh twice as much at 128. From 03 "
          "on O is written once, and what is left is mostly K and V; 05 moves them in FP8.",
          [&stages = sources.stages](Svg& svg) {
            return draw_traffic(svg, {panel_of(stages, 64), panel_of(stages, 128)},
                                "Counted bytes, read and written together: f32, 4 heads, 4096 "
                                "queries and keys, no mask.");
          }};
}

}  // namespace flash

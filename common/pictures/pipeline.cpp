// Stage 04 on the modelled H100: who works and who waits, whole and with a part switched off; with
// FlashAttention-3's tiles, on the problem of its paper's Table 2.
#include <cmath>

#include "attention/published_problem.h"
#include "drawing/svg_text.h"
#include "model/predict.h"
#include "pictures/drawings.h"
#include "pictures/roles.h"
#include "stages/stage.h"

namespace flash {
namespace {

constexpr std::string_view variants[] = {"", "without producer", "without overlap",
                                         "without ping-pong"};

const Problem& problem = flash_attention_3_table_2;
constexpr int key_rows = flash_attention_3_tiles(128).key_rows;
constexpr double drawn_cycles = 7000;

model::Prediction predicted(const model::Gpu& gpu, const Stage& stage, std::string_view variant) {
  const Pass::Run& run = variant.empty() ? stage.passes.front().run : find_variant(stage, variant);
  return model::predict(gpu, model::record(gpu, stage, run, problem), true);
}

// In the middle of a tile of queries, which is a piece of an SM's work.
Scale middle_of_a_piece(const model::Timeline& sm, const model::Gpu& gpu, const Plan& plan) {
  const std::int64_t tiles = problem.batch * problem.heads *
                             tile::ceil_div(problem.seqlen_q, std::int64_t{plan.tiles.query_rows});
  const auto pieces = static_cast<double>(tile::ceil_div(tiles, std::int64_t{gpu.sms}));
  const double begin = std::round((std::floor(pieces / 2) + 0.5) / pieces * sm.cycles);
  return scale_of_roles(begin, drawn_cycles);
}

double draw_variant(Svg& svg, const Stage& stage, std::string_view variant, double y) {
  const model::Gpu& gpu = model::find_gpu("h100");
  const model::Prediction prediction = predicted(gpu, stage, variant);
  const model::Timeline& sm = prediction.kernels.front().sm;
  svg.text({Svg::margin, y + 14}, variant.empty() ? "stage 04 whole" : std::string(variant),
           {.bold = true});
  draw_speed(svg, prediction, sm, y + 14);
  y += 22;
  const std::string_view first = variant == "without producer" ? "copies" : "producer";
  const Scale scale = middle_of_a_piece(sm, gpu, stage.plan(problem.shape()));
  return draw_roles(svg, sm, scale, {first, "consumer 0", "consumer 1"}, y) + 12;
}

double draw(Svg& svg) {
  double y = draw_legend_of_roles(svg);
  const Stage& stage = find_stage("04_v3_hopper", stages_with_published_tiles());
  for (const std::string_view variant : variants) y = draw_variant(svg, stage, variant, y);
  return draw_foot_of_roles(svg,
                            "tiles of " + std::to_string(key_rows) + " keys, d = 128, " +
                                std::to_string(problem.seqlen_k) + " keys in all.",
                            y, drawn_cycles);
}

}  // namespace

Picture pipeline_picture(const PictureSources&) {
  return {
      "pipeline", "Who works and who waits: stage 04",
      "Timelines of one SM of a modelled H100, for stage 04 whole and without its producer, its "
      "overlap and its turns. Rows are the producer, the two consumers and the tensor cores. In "
      "the whole stage the products of one consumer run while the other does its softmax, and "
      "copies go on beside both. Without the producer the tensor cores have longer gaps, as "
      "a consumer issues copies only once both have released the slot. Without overlap they wait "
      "for the softmax. The gaps of the whole stage are waits for K, which the producer fetches "
      "behind V; turns gain nothing in this model.",
      [](Svg& svg) { return draw(svg); }};
}

}  // namespace flash

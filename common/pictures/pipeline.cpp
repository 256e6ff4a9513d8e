// Stage 04 on the modelled H100: who works and who waits, whole and with a part switched off.
#include <algorithm>
#include <array>
#include <cmath>

#include "drawing/axes.h"
#include "drawing/svg_text.h"
#include "model/predict.h"
#include "pictures/drawings.h"
#include "stages/stage.h"

namespace flash {
namespace {

using model::Interval;
using model::Lane;

constexpr double first_x = 116, lane_step = 25, lane_height = 20, window = 3600;
constexpr std::string_view variants[] = {"", "without producer", "without overlap",
                                         "without ping-pong"};

const Problem problem = {.batch = 4,
                         .heads = 16,
                         .kv_heads = 16,
                         .seqlen_q = 2048,
                         .seqlen_k = 2048,
                         .head_dim = 128,
                         .dtype = DType::bf16};

constexpr int key_rows = tile_shape(128).key_rows;

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
  return {begin, begin + window, first_x, Svg::width - Svg::margin};
}

enum class Row { producer, consumer_0, consumer_1, tensor };

struct Bar {
  Row row;
  double top, bottom;  // shares of the lane
  Fill fill;
};

constexpr Fill of_consumer[] = {{Paint::blue}, {Paint::green, Pattern::stripes}};
constexpr Fill exponentials = {Paint::orange, Pattern::dots}, fp32 = {Paint::yellow},
               copies = {Paint::purple}, waits = {Paint::grey};

// Role 0 is the producer, and has nothing to do where there is none; what it waits for is told by
// the gaps between its copies.
std::vector<Bar> bars_of(const Interval& interval) {
  const Row own = static_cast<Row>(interval.role);
  if (interval.lane < 0) {
    if (interval.role == 0) return {};
    return {{own, 0.42, 0.58, waits}};
  }
  switch (static_cast<Lane>(interval.lane)) {
    case Lane::tensor:
      return {{Row::tensor, 0, 1, of_consumer[interval.role - 1]}};
    case Lane::exponential:
      return {{own, 0, 0.5, exponentials}};
    case Lane::fp32:
      return {{own, 0.5, 1, fp32}};
    default:  // of whoever loads
      return {{Row::producer, 0.15, 0.85, copies}};
  }
}

void draw_intervals(Svg& svg, const model::Timeline& sm, const Scale& scale, double y) {
  for (const Interval& interval : sm.intervals) {
    const double begin = std::max(interval.begin, scale.from);
    const double end = std::min(interval.end, scale.to);
    if (scale(end) - scale(begin) < 0.4) continue;
    for (const Bar& bar : bars_of(interval)) {
      const double top = y + lane_step * static_cast<int>(bar.row) + lane_height * bar.top;
      const Box box = {scale(begin), top, scale(end) - scale(begin),
                       lane_height * (bar.bottom - bar.top)};
      svg.rect(box, bar.fill);
      if (bar.row == Row::tensor) {
        svg.frame(box);
        svg.label(box, interval.role == 1 ? "0" : "1", {.size = small_size, .halo = true});
      }
    }
  }
}

double draw_variant(Svg& svg, const Stage& stage, std::string_view variant, double y) {
  const model::Gpu& gpu = model::find_gpu("h100");
  const model::Prediction prediction = predicted(gpu, stage, variant);
  const model::Timeline& sm = prediction.kernels.front().sm;
  const double busy = sm.busy[static_cast<int>(Lane::tensor)] / sm.cycles;
  svg.text({Svg::margin, y + 14}, variant.empty() ? "stage 04 whole" : std::string(variant),
           {.bold = true});
  svg.text({Svg::width - Svg::margin, y + 14},
           "modelled: " + number(prediction.tflops(), 0) + " TFLOP/s, tensor cores busy " +
               number(100 * busy, 0) + " %",
           {.size = small_size, .anchor = Anchor::end});
  y += 22;
  static constexpr std::string_view lanes[] = {"producer", "consumer 0", "consumer 1",
                                               "tensor cores"};
  for (int lane = 0; lane < 4; ++lane) {
    const double top = y + lane * lane_step;
    const bool no_producer = lane == 0 && variant == "without producer";
    svg.text({Svg::margin, top + 15}, no_producer ? "copies" : lanes[lane], small);
    svg.line({first_x, top + lane_height}, {Svg::width - Svg::margin, top + lane_height},
             {Paint::grid, 1});
  }
  draw_intervals(svg, sm, middle_of_a_piece(sm, gpu, stage.plan(problem.shape())), y);
  return y + 4 * lane_step + 12;
}

double draw(Svg& svg, const std::vector<Stage>& stages) {
  double y = svg.legend({Svg::margin, Svg::top}, {{"copies", copies},
                                                  {"exponentials", exponentials},
                                                  {"FP32 lanes", fp32},
                                                  {"waits", waits},
                                                  {"products of consumer 0", of_consumer[0]},
                                                  {"of consumer 1", of_consumer[1]}}) +
             2;
  for (const std::string_view variant : variants)
    y = draw_variant(svg, find_stage("04_v3_hopper", stages), variant, y);
  const double end = Svg::width - Svg::margin, cycles = 500,
               length = cycles / window * (end - first_x);
  svg.line({end - length, y}, {end, y}, {Paint::muted, 2});
  svg.text({end - length - 8, y + 5}, number(cycles) + " cycles",
           {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
  svg.text({Svg::margin, y + 5},
           "One SM of a modelled H100, tiles of " + std::to_string(key_rows) + " keys, d = 128, " +
               std::to_string(problem.seqlen_k) + " keys in all.",
           small_muted);
  return y + 22;
}

}  // namespace

Picture pipeline_picture(const PictureSources& sources) {
  return {
      "pipeline", "Who works and who waits: stage 04",
      "Timelines of one SM of a modelled H100, for stage 04 whole and without its producer, its "
      "overlap and its turns. Rows are the producer, the two consumers and the tensor cores. In "
      "the whole stage the products of one consumer run while the other does its softmax, and "
      "copies go on beside both. Without the producer the tensor cores have longer gaps; the "
      "other two parts gain nothing in this model while a tile has " +
          std::to_string(key_rows) + " keys.",
      [&stages = sources.stages](Svg& svg) { return draw(svg, stages); }};
}

}  // namespace flash

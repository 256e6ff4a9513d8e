// Stages under the roofs of a modelled H100 and of the CPU that docs/results was measured on.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "drawing/axes.h"
#include "drawing/svg_text.h"
#include "model/predict.h"
#include "pictures/drawings.h"

namespace flash {
namespace {

struct Roof {
  std::string text;
  double bandwidth;  // bytes a second; 0: a flat roof
  double peak;       // FLOP/s, where the flat roof is or the slope ends
  bool dashed = false;
  double text_at = 0.5;  // the share of the slope that is below its text
};

struct StagePoint {
  std::string text;
  double intensity, rate;  // FLOPs a byte, FLOP/s
};

struct Plot {
  std::string title;
  std::string_view unit;
  double in_unit;  // FLOP/s
  std::vector<Roof> roofs;
  std::vector<StagePoint> points;
  double least, most;  // of the y axis, FLOP/s
};

constexpr double least_intensity = 5, most_intensity = 1000;

// Of the FLOPs that are asked for, not of those that are executed.
double useful_intensity(const Stage& stage, const Problem& problem) {
  const tile::Counters cost = stage.cost(problem);
  return nominal_flops(problem) / static_cast<double>(cost.hbm_bytes());
}

// "03" of 03_v2, "04/2" of its step.
std::string number_of(std::string_view stage) {
  return std::string(stage.substr(0, stage.find('_')));
}

Plot modelled(const model::Gpu& gpu, const std::vector<Stage>& stages) {
  const double peak = gpu.sms * gpu.clock_hz * gpu.flops_16bit;
  const Problem problem = {.batch = 8,
                           .heads = 16,
                           .kv_heads = 16,
                           .seqlen_q = 2048,
                           .seqlen_k = 2048,
                           .head_dim = 128,
                           .dtype = DType::bf16};
  std::string name(gpu.name);
  name.front() = 'A' + (name.front() - 'a');
  Plot plot = {.title = name + ", modelled: bf16, d = 128, 2048 keys",
               .unit = "TFLOP/s",
               .in_unit = 1e12,
               .roofs = {{"tensor cores, 16 bits", 0, peak},
                         {"FP8", 0, 2 * peak},
                         {"HBM", gpu.hbm_bytes_per_s, peak},
                         {"L2", gpu.l2_bytes_per_s, peak, true}},
               .points = {},
               .least = 8e12,
               .most = 3e15};
  for (const Stage& stage : stages) {
    if (stage.is_step()) continue;
    try {
      const model::Recording recording =
          model::record(gpu, stage, stage.passes.front().run, problem);
      plot.points.push_back({number_of(stage.name), useful_intensity(stage, problem),
                             model::predict(gpu, recording).tflops() * 1e12});
    } catch (const BadInput&) {  // the GPU has no asynchronous products
    }
  }
  return plot;
}

Plot measured(const std::string& machine_text, const nlohmann::json& results) {
  const nlohmann::json &machine = results.at("machine"), &problem = results.at("problem");
  const double peak = machine.at("fma_peak_gflops").get<double>() * 1e9;
  Plot plot = {
      .title = machine_text + ", measured: " + problem.at("dtype").get<std::string>() +
               ", d = " + problem.at("head_dim").dump() + ", " + problem.at("seqlen_k").dump() +
               " keys, " + machine.at("threads").dump() + " cores",
      .unit = "GFLOP/s",
      .in_unit = 1e9,
      .roofs = {{"multiply-adds", 0, peak},
                {"memory", machine.at("read_bandwidth_gbs").get<double>() * 1e9, peak, false, 0.4}},
      .points = {},
      .least = peak / 12,
      .most = 1.7 * peak};
  const double l2 = machine.value("l2_read_bandwidth_gbs", 0.0) * 1e9;
  if (l2 > 0) plot.roofs.push_back({"L2", l2, peak, true, 0.75});
  for (const nlohmann::json& stage : results.at("stages")) {
    if (!stage.at("gflops").is_number() || stage.at("gflops") == 0) continue;  // stopped
    const double rate = stage.at("gflops").get<double>() * 1e9;
    const double bytes =
        stage.at("hbm_read_bytes").get<double>() + stage.at("hbm_write_bytes").get<double>();
    plot.points.push_back({number_of(stage.at("stage").get<std::string>()),
                           rate * stage.at("seconds").at("median").get<double>() / bytes, rate});
    plot.least = std::min(plot.least, 0.8 * rate);
  }
  return plot;
}

std::vector<Tick> powers_of_ten(double from, double to, double unit) {
  std::vector<Tick> ticks;
  for (int exponent = -3; exponent <= 18; ++exponent) {
    const double value = std::pow(10.0, exponent);
    if (value >= from / unit && value <= to / unit) ticks.push_back({value * unit, number(value)});
  }
  return ticks;
}

std::string bandwidth_text(double bandwidth) {
  return bandwidth < 1e12 ? number(bandwidth / 1e9, 0) + " GB/s"
                          : number(bandwidth / 1e12, 2) + " TB/s";
}

// Of a slope, the part that the axes hold.
void draw_roof(Svg& svg, const Roof& roof, const Scale& x, const Scale& y) {
  const Stroke stroke = {roof.dashed ? Paint::purple : Paint::ink, 2, roof.dashed};
  if (roof.bandwidth == 0) {
    svg.line({x(x.from), y(roof.peak)}, {x(x.to), y(roof.peak)}, stroke);
    svg.text({x(x.to) - 4, y(roof.peak) - 6}, roof.text,
             {.size = small_size, .anchor = Anchor::end, .halo = true});
    return;
  }
  const double from = std::max(x.from, y.from / roof.bandwidth), to = roof.peak / roof.bandwidth;
  svg.line({x(from), y(from * roof.bandwidth)}, {x(to), y(roof.peak)}, stroke);
  // The dashed one is above the other, and so is its text.
  const double at = from * std::pow(to / from, roof.text_at);
  const double side = roof.dashed ? -1 : 1;
  svg.text({x(at) + side * 8, y(at * roof.bandwidth) + (roof.dashed ? -6 : 16)},
           roof.text + " " + bandwidth_text(roof.bandwidth),
           {.size = small_size,
            .anchor = roof.dashed ? Anchor::end : Anchor::start,
            .paint = stroke.paint,
            .halo = true});
}

void draw_points(Svg& svg, const Plot& plot, const Scale& x, const Scale& y) {
  std::vector<double> wanted;
  for (const StagePoint& point : plot.points) wanted.push_back(y(point.rate));
  // Only labels beside each other are in each other's way.
  const auto column = [&](std::size_t i) { return std::round(x(plot.points[i].intensity) / 40); };
  std::vector<double> places = wanted;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::vector<std::size_t> together;
    std::vector<double> heights;
    for (std::size_t j = 0; j < wanted.size(); ++j)
      if (column(i) == column(j)) together.push_back(j), heights.push_back(wanted[j]);
    const std::vector<double> apart = spread(heights, 16);
    for (std::size_t j = 0; j < together.size(); ++j) places[together[j]] = apart[j];
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double at = x(plot.points[i].intensity);
    svg.line({at, wanted[i]}, {at + 18, places[i]}, {Paint::orange, 1});
    svg.mark({at, wanted[i]}, Mark::circle, Paint::orange);
    svg.text({at + 20, places[i] + 5}, plot.points[i].text,
             {.size = small_size, .bold = true, .halo = true});
  }
}

double draw_plot(Svg& svg, const Plot& plot, double y, double height, bool last) {
  svg.text({Svg::margin, y + 12}, plot.title, {.bold = true});
  const Box box = {64, y + 44, Svg::width - 74 - Svg::margin, height};
  double least = least_intensity, most = most_intensity;
  for (const StagePoint& point : plot.points) {
    least = std::min(least, 0.8 * point.intensity);
    most = std::max(most, 1.25 * point.intensity);
  }
  for (const Roof& roof : plot.roofs) {  // room for each slope and its text
    const double end = roof.bandwidth > 0 ? roof.peak / roof.bandwidth : most;
    if (end < 1.5 * least_intensity) least = std::min(least, 0.15 * end);
  }
  const Scale across = {least, most, box.x, box.right(), true};
  const Scale up = {plot.least, plot.most, box.bottom(), box.y, true};
  std::vector<Tick> ticks;
  for (const double value : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000})
    if (value >= least && value <= most) ticks.push_back({value, number(value)});
  x_axis(svg, box, across, ticks,
         last ? "useful FLOPs (4 N_q N_k d a head) for each byte between HBM and the blocks" : "");
  y_axis(svg, box, up, powers_of_ten(plot.least, plot.most, plot.in_unit), plot.unit);
  for (const Roof& roof : plot.roofs) draw_roof(svg, roof, across, up);
  draw_points(svg, plot, across, up);
  return box.bottom() + (last ? 46 : 38);
}

}  // namespace

double draw_rooflines(Svg& svg, const std::vector<Stage>& stages, const model::Gpu& gpu,
                      const std::string& machine, const nlohmann::json& results) {
  const double y = draw_plot(svg, modelled(gpu, stages), Svg::top, 230, false);
  return draw_plot(svg, measured(machine, results), y, 150, true);
}

Picture roofline_picture(const PictureSources& sources) {
  return {
      "roofline", "Rooflines: work for a byte, and speed",
      "Two plots with logarithmic axes: useful FLOPs for each byte that crosses into the blocks, "
      "and speed. On a modelled H100 some stages lie above the slope of HBM, since the L2 cache, "
      "whose roof is dashed, serves what is read again. On the CPU every stage is to the right "
      "of the slope of memory: what limits it is arithmetic.",
      [sources](Svg& svg) {
        return draw_rooflines(svg, sources.stages, model::find_gpu("h100"), "This course's CPU",
                              sources.results("forward"));
      }};
}

}  // namespace flash

#include "pictures/roles.h"

#include <algorithm>

#include "drawing/svg_text.h"

namespace flash {
namespace {

using model::Interval;
using model::Lane;

constexpr double first_x = 116, lane_step = 25, lane_height = 20;

struct Bar {
  int row;
  double top, bottom;  // shares of the lane
  Fill fill;
};

constexpr Fill of_consumer[] = {{Paint::blue}, {Paint::green, Pattern::stripes}};
constexpr Fill exponentials = {Paint::orange, Pattern::dots}, fp32 = {Paint::yellow},
               copies = {Paint::purple}, waits = {Paint::grey};

// What the producer waits for, role 0, is told by the gaps between its copies.
std::vector<Bar> bars_of(const Interval& interval, int tensor_row) {
  if (interval.lane < 0) {
    if (interval.role == 0) return {};
    return {{interval.role, 0.42, 0.58, waits}};
  }
  switch (static_cast<Lane>(interval.lane)) {
    case Lane::tensor:
      return {{tensor_row, 0, 1, of_consumer[interval.role - 1]}};
    case Lane::exponential:
      return {{interval.role, 0, 0.5, exponentials}};
    case Lane::fp32:
      return {{interval.role, 0.5, 1, fp32}};
    default:  // of whoever loads
      return {{0, 0.15, 0.85, copies}};
  }
}

}  // namespace

Scale scale_of_roles(double begin, double cycles) {
  return {begin, begin + cycles, first_x, Svg::width - Svg::margin};
}

double draw_legend_of_roles(Svg& svg) {
  return svg.legend({Svg::margin, Svg::top}, {{"copies", copies},
                                              {"exponentials", exponentials},
                                              {"FP32 lanes", fp32},
                                              {"waits", waits},
                                              {"products of consumer 0", of_consumer[0]},
                                              {"of consumer 1", of_consumer[1]}}) +
         2;
}

double draw_roles(Svg& svg, const model::Timeline& sm, const Scale& scale,
                  const std::vector<std::string_view>& roles, double y) {
  const int tensor_row = static_cast<int>(roles.size());
  for (int row = 0; row <= tensor_row; ++row) {
    const double top = y + row * lane_step;
    svg.text({Svg::margin, top + 15}, row < tensor_row ? roles[row] : "tensor cores",
             {.size = small_size});
    svg.line({first_x, top + lane_height}, {Svg::width - Svg::margin, top + lane_height},
             {Paint::grid, 1});
  }
  for (const Interval& interval : sm.intervals) {
    const double begin = std::max(interval.begin, scale.from);
    const double end = std::min(interval.end, scale.to);
    if (scale(end) - scale(begin) < 0.4) continue;
    for (const Bar& bar : bars_of(interval, tensor_row)) {
      const double top = y + lane_step * bar.row + lane_height * bar.top;
      const Box box = {scale(begin), top, scale(end) - scale(begin),
                       lane_height * (bar.bottom - bar.top)};
      svg.rect(box, bar.fill);
      if (bar.row < tensor_row) continue;
      svg.frame(box);
      svg.label(box, interval.role == 1 ? "0" : "1", {.size = small_size, .halo = true});
    }
  }
  return y + (tensor_row + 1) * lane_step;
}

void draw_speed(Svg& svg, const model::Prediction& prediction, const model::Timeline& sm,
                double y) {
  const double busy = sm.busy[static_cast<int>(Lane::tensor)] / sm.cycles;
  svg.text({Svg::width - Svg::margin, y},
           "modelled: " + number(prediction.tflops(), 0) + " TFLOP/s, tensor cores busy " +
               number(100 * busy, 0) + " %",
           {.size = small_size, .anchor = Anchor::end});
}

double draw_foot_of_roles(Svg& svg, const std::string& what, double y, double drawn) {
  constexpr double cycles = 500;
  const double end = Svg::width - Svg::margin, length = cycles / drawn * (end - first_x);
  svg.line({end - length, y}, {end, y}, {Paint::muted, 2});
  svg.text({end - length - 8, y + 5}, number(cycles) + " cycles",
           {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
  svg.text({Svg::margin, y + 5}, "One SM of a modelled H100, " + what,
           {.size = small_size, .paint = Paint::muted});
  return y + 22;
}

}  // namespace flash

#include "drawing/timeline.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "drawing/axes.h"
#include "drawing/svg.h"
#include "drawing/svg_text.h"

namespace flash {
namespace {

using model::Interval;

constexpr double first_x = 116, row_step = 25, row_height = 20;
constexpr double view_width = Svg::width - Svg::margin - first_x;
constexpr std::array<Fill, model::lanes> of_lane = {{{Paint::blue},
                                                     {Paint::orange, Pattern::dots},
                                                     {Paint::yellow},
                                                     {Paint::purple, Pattern::back_stripes}}};
constexpr Fill waits = {Paint::grey};

// Shares of a row's height: exponentials run beside what the role does itself.
struct Span {
  double top, bottom;
};
Span span_of(int lane) {
  switch (lane) {
    case -1:
      return {0.42, 0.58};
    case static_cast<int>(model::Lane::exponential):
      return {0, 0.5};
    case static_cast<int>(model::Lane::fp32):
      return {0.5, 1};
    default:
      return {0.1, 0.9};
  }
}

class Rows {
 public:
  Rows(Svg& svg, const model::Timeline& timeline, const std::vector<std::string>& roles,
       model::Window window, double end, double y)
      : svg_(svg),
        timeline_(timeline),
        roles_(roles),
        scale_{window.begin, window.end, 0, view_width},
        end_(end),
        y_(y),
        block_(at_work(timeline, 0.5 * (window.begin + window.end))) {}

  double draw() {
    for (std::size_t role = 0; role < roles_.size(); ++role)
      name_row(static_cast<int>(role), roles_[role].empty() ? "block" : roles_[role]);
    for (int lane = 0; lane < model::lanes; ++lane)
      name_row(row_of_lane(lane), std::string(model::lane_names[lane]));
    const double height = row_step * (row_of_lane(model::lanes - 1) + 1);
    svg_.begin_view({first_x, y_, view_width, height});
    for (const Interval& interval : timeline_.intervals) {
      const Fill fill = interval.lane < 0 ? waits : of_lane[interval.lane];
      if (interval.block == block_) bar(interval, interval.role, span_of(interval.lane), fill);
      if (interval.lane >= 0) bar(interval, row_of_lane(interval.lane), {0, 1}, fill);
    }
    svg_.end_view();
    return y_ + height;
  }

 private:
  // The first block that has not ended by then.
  static int at_work(const model::Timeline& timeline, double time) {
    const std::vector<double>& ends = timeline.block_ends;
    const auto block = std::ranges::find_if(ends, [=](double end) { return end >= time; });
    return block == ends.end() ? 0 : static_cast<int>(block - ends.begin());
  }

  int row_of_lane(int lane) const { return static_cast<int>(roles_.size()) + lane; }

  void name_row(int row, const std::string& name) {
    const double top = y_ + row_step * row;
    svg_.text({Svg::margin, top + 15}, name, small);
    svg_.line({first_x, top + row_height}, {Svg::width - Svg::margin, top + row_height},
              {Paint::grid, 1});
  }

  void bar(const Interval& interval, int row, Span span, const Fill& fill) {
    const double begin = scale_(std::max(interval.begin, scale_.from));
    const double end = scale_(std::min(interval.end, end_));
    if (end - begin < 0.4) return;
    svg_.rect({begin, row_step * row + row_height * span.top, end - begin,
               row_height * (span.bottom - span.top)},
              fill);
  }

  Svg& svg_;
  const model::Timeline& timeline_;
  const std::vector<std::string>& roles_;
  Scale scale_;
  double end_, y_;
  int block_;
};

}  // namespace

std::string timeline_svg(const std::string& title, const model::Timeline& timeline,
                         const std::vector<std::string>& roles, model::Window window, double end,
                         std::string_view id) {
  const std::string cycles =
      number(std::floor(window.begin), 0) + " to " + number(std::floor(window.end), 0);
  Svg svg(title,
          "Rows for the roles of a block and for the units of an SM, with what each does in "
          "cycles " +
              cycles + ".");
  std::vector<LegendEntry> entries;
  for (int lane = 0; lane < model::lanes; ++lane)
    entries.push_back({std::string(model::lane_names[lane]), of_lane[lane]});
  entries.push_back({"waits", waits});
  const double y = svg.legend({Svg::margin, Svg::top}, entries) + 6;
  const double below = Rows(svg, timeline, roles, window, end, y).draw();
  svg.text({Svg::margin, below + 14}, "Modelled: cycles " + cycles + " of one SM.", small_muted);
  return svg.str(below + 28, id);
}

}  // namespace flash

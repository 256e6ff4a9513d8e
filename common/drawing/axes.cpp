#include "drawing/axes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace flash {

double Scale::operator()(double value) const {
  const double part =
      logarithmic ? std::log(value / from) / std::log(to / from) : (value - from) / (to - from);
  return begin + part * (end - begin);
}

void x_axis(Svg& svg, const Box& box, const Scale& scale, const std::vector<Tick>& ticks,
            std::string_view label) {
  for (const Tick& tick : ticks) {
    const double x = scale(tick.value);
    svg.line({x, box.y}, {x, box.bottom()}, {Paint::grid, 1});
    if (!tick.text.empty())
      svg.text({x, box.bottom() + 16}, tick.text,
               {.size = small_size, .anchor = Anchor::middle, .paint = Paint::muted});
  }
  svg.line({box.x, box.bottom()}, {box.right(), box.bottom()}, {Paint::muted, 1});
  svg.text({box.right(), box.bottom() + 33}, label,
           {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
}

void y_axis(Svg& svg, const Box& box, const Scale& scale, const std::vector<Tick>& ticks,
            std::string_view label) {
  for (const Tick& tick : ticks) {
    const double y = scale(tick.value);
    svg.line({box.x, y}, {box.right(), y}, {Paint::grid, 1});
    svg.text({box.x - 6, y + 4}, tick.text,
             {.size = small_size, .anchor = Anchor::end, .paint = Paint::muted});
  }
  svg.line({box.x, box.y}, {box.x, box.bottom()}, {Paint::muted, 1});
  svg.text({Svg::margin, box.y - 8}, label, small_muted);
}

std::vector<double> spread(const std::vector<double>& wanted, double distance) {
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return wanted[i]; });
  std::vector<double> places = wanted;
  // Push neighbours apart, half of what is missing each.
  for (int round = 0; round < 100; ++round)
    for (std::size_t i = 1; i < order.size(); ++i) {
      double &above = places[order[i - 1]], &below = places[order[i]];
      const double missing = distance - (below - above);
      if (missing > 0) above -= missing / 2, below += missing / 2;
    }
  return places;
}

}  // namespace flash

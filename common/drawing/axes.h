// Axes of a plot, linear and logarithmic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "drawing/svg.h"

namespace flash {

// From values to places on the paper.
struct Scale {
  double from, to;    // values
  double begin, end;  // places
  bool logarithmic = false;

  double operator()(double value) const;
};

struct Tick {
  double value;
  std::string text;  // may be empty
};

// With a line of the grid at each tick, over the whole box.
void x_axis(Svg& svg, const Box& box, const Scale& scale, const std::vector<Tick>& ticks,
            std::string_view label);
void y_axis(Svg& svg, const Box& box, const Scale& scale, const std::vector<Tick>& ticks,
            std::string_view label);

// y of labels that would like to stand at these, and are at least `distance` apart. In their order.
std::vector<double> spread(const std::vector<double>& wanted, double distance);

}  // namespace flash

// Timelines of roles: what each of them does on one SM, and the tensor cores below.
#pragma once

#include <string_view>
#include <vector>

#include "drawing/axes.h"
#include "drawing/svg.h"
#include "model/predict.h"

namespace flash {

// Of `window` cycles.
Scale scale_of_roles(double begin, double window);

// What the colours mean, at the top; returns where the drawing goes on.
double draw_legend_of_roles(Svg& svg);

// A row for each of `roles`, of which the first has the copies, then the consumers, and one for the
// tensor cores.
double draw_roles(Svg& svg, const model::Timeline& sm, const Scale& scale,
                  const std::vector<std::string_view>& roles, double y);

// How long so many cycles are.
void draw_length(Svg& svg, int cycles, double window, double y);

}  // namespace flash

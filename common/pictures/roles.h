// Timelines of roles: what each of them does on one SM, and the tensor cores below.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attention/problem.h"
#include "drawing/axes.h"
#include "drawing/svg.h"
#include "model/predict.h"

namespace flash {

// What they are drawn of, and how much of it.
inline const Problem problem_of_roles = {.batch = 4,
                                         .heads = 16,
                                         .kv_heads = 16,
                                         .seqlen_q = 2048,
                                         .seqlen_k = 2048,
                                         .head_dim = 128,
                                         .dtype = DType::bf16};
inline constexpr double cycles_of_roles = 3600;

Scale scale_of_roles(double begin, double cycles = cycles_of_roles);

// What the colours mean, at the top; returns where the drawing goes on.
double draw_legend_of_roles(Svg& svg);

// A row for each of `roles`, of which the first has the copies, then the consumers, and one for the
// tensor cores.
double draw_roles(Svg& svg, const model::Timeline& sm, const Scale& scale,
                  const std::vector<std::string_view>& roles, double y);

// What all of the kernel makes of it, at the right of a line.
void draw_speed(Svg& svg, const model::Prediction& prediction, const model::Timeline& sm, double y);

// What it is, and how long 500 of the drawn cycles are, at the end; returns the height.
double draw_foot_of_roles(Svg& svg, const std::string& what, double y,
                          double drawn = cycles_of_roles);

}  // namespace flash

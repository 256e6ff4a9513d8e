// Which known mistake do wrong gradients look like? And if none: what is wrong?
#pragma once

#include <span>
#include <string>

#include "attention/plan.h"
#include "check/gradients.h"

namespace flash {

// A problem that a backward pass was run on.
struct TriedGradients {
  Problem problem;
  Inputs inputs;
  Gradients gradients;
  ExpectedGradients expected;
  GradientCheck check;
};

struct GradientFindings {
  std::string looks_like;  // a mistake's name, or two that give the same; empty if none fits
  std::string values;      // of each wrong gradient, what it is, if that can be said in a few words
};

// A mistake is named if it explains every problem whose gradients are wrong, and none that passed
// speaks against it. The values are those of the first problem that is wrong. `tiles` are those of
// a head dimension. Takes about a second for problems of 300 rows.
GradientFindings diagnose(std::span<const TriedGradients> tried,
                          TileShape (*tiles)(int padded_head_dim) = backward_tile_shape);

}  // namespace flash

// Checks a stage, then times it.
#pragma once

#include <functional>

#include "report/report.h"
#include "stages/stage.h"
#include "tile/cpu/device.h"

namespace flash {

struct Measured {
  StageReport report;
  Outputs outputs;
};

// Runs the stage once for its outputs and counters; if they are right, `runs` times for its speed
// (0: for half a second, and at least three times unless a run takes seconds). A TileError fails
// the stage; BadInput, as for a workspace that does not fit, is thrown.
Measured measure(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                 const Inputs& inputs, const Expected& expected, int runs);

// `runs` runs, or as many as measure() says; `warm_up` is what the run before took.
Timing time_runs(const std::function<void()>& run, double warm_up, int runs);

// Of a stage that is not measured.
StageReport stopped(const Stage& stage, const Problem& problem, const std::string& failure);

// Runs something in checked mode under schedules 1 to `schedules` - 1 as well; a hazard, or a
// result with other bits than `measured` has, fails it.
void explore(tile::cpu::Device& device, int schedules,
             const std::function<bool()>& gives_the_same_bits, Measured& measured);

// The stage's forward pass.
void explore(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
             const Inputs& inputs, int schedules, Measured& measured);

}  // namespace flash

// For the tests of a stage: what it counts on a problem.
#pragma once

#include "check/generator.h"
#include "stages/execute.h"

namespace flash {

inline tile::Counters counters_of(std::string_view stage, const Problem& problem) {
  tile::cpu::Device device;
  execute(find_stage(stage), device, problem, generate(problem, 1));
  return device.counters();
}

}  // namespace flash

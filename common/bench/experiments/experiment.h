// `ladder experiment NAME`: a published or promised figure, made again by one command.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bench/environment.h"

namespace flash {

// The options that every experiment has.
struct ExperimentOptions {
  std::uint64_t seed = 0;
  std::string json;  // file for the figures; empty: none
};

struct Experiment {
  std::string_view name;
  std::string_view shows;  // one line
  // Returns the exit status: 0, or 1 if a figure is not what it should be. Throws BadInput if a
  // stage that it needs is not in the build.
  int (*run)(const ExperimentOptions&, const Environment&);
};

// In the order of the stages that they belong to.
std::span<const Experiment> experiments();

// The error of stages 02, 03 and 06 with 1,024 to 1,048,576 keys, and that of a stage 02 which
// multiplies by a reciprocal.
int error_growth_experiment(const ExperimentOptions& options, const Environment& environment);

// What the operations on a tile cost on one core of this CPU, with all operands in its caches.
int cpu_tile_experiment(const ExperimentOptions& options, const Environment& environment);

// The speed of stage 04 with each of its switches off, beside stage 03: here, on a modelled H100,
// and as published.
int pipeline_experiment(const ExperimentOptions& options, const Environment& environment);

// The speed of stages 03 and 04 on modelled GPUs, beside published figures.
int gpu_experiment(const ExperimentOptions& options, const Environment& environment);

// The speed of stage 03's backward pass on a modelled H100, beside published figures.
int gpu_backward_experiment(const ExperimentOptions& options, const Environment& environment);

// The error of attention in FP16 and in FP8 on inputs with outliers, beside the paper's figures;
// fails if a figure is not within 25 % of the paper's.
int fp8_error_experiment(const ExperimentOptions& options, const Environment& environment);

// The error of stage 05 with the sums of Hopper's FP8 tensor cores, and with promoted ones, for
// 1,024 to 262,144 keys; fails if promotion does not mend it.
int fp8_accumulator_experiment(const ExperimentOptions& options, const Environment& environment);

// One query, 65536 keys, d = 128, 16 query heads on 2 key heads, from caches of each type, split
// and paged in several ways: time, bytes of cache a second, and the error of the output.
int decode_experiment(const ExperimentOptions& options, const Environment& environment);

// The time and the traffic of every step, each after the one before, and whether it is right.
int steps_experiment(const ExperimentOptions& options, const Environment& environment);

// The stage that a stage builds on, its steps, and itself; nothing if it has no steps. Those to its
// backward pass begin with the last stage before it that has one.
std::vector<const Stage*> steps_to(const Stage& stage, const std::vector<Stage>& stages,
                                   Pass::Kind kind = Pass::Kind::forward);

// What a stage's steps are measured on: where the last of them tells.
Problem steps_problem(const Stage& stage);

// What an experiment found, for programs.
using Value = std::variant<bool, std::int64_t, double, std::string>;
using Facts = std::vector<std::pair<std::string, Value>>;

struct Figures {
  Facts facts;  // of all
  std::vector<Facts> figures;
};

// Writes the figures of an experiment, the machine that they were measured on, and the table that
// was printed, for the docs. Throws BadInput if the file cannot be written. Does nothing if `file`
// is empty.
void write_figures(const std::string& file, const Figures& figures, const TextTable& table);

}  // namespace flash

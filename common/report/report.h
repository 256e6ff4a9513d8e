// What a run found out: the one source of the table for people and of the JSON for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "check/checker.h"
#include "check/gradients.h"
#include "report/machine.h"
#include "tile/counters.h"

namespace flash {

struct Timing {
  double min = 0, median = 0;  // seconds of one run, caches as the run before left them
  int runs = 0;
};

struct StageReport {
  std::string stage;
  bool passed = false;  // right outputs, and counters equal to the formulas
  std::string failure;  // what to print about it, of one or more lines; empty if passed
  CheckResult check;
  std::optional<GradientCheck> gradients = {};  // in place of it: of the backward pass
  Timing seconds;                               // no runs if the stage was stopped
  tile::Counters counters;                      // of one run
  tile::Counters formula;
};

struct Report {
  Problem problem;
  std::string source;  // of the inputs: a file, or a seed
  Machine machine;
  std::string device = "cpu", gpu = "h100";  // the GPU whose on-chip capacity is enforced
  int threads = 1;
  bool checked = false;
  int schedules = 1;      // of the roles that each stage was run with
  bool backward = false;  // the stages ran forward, and then backward: the latter is meant
  Peaks peaks{};
  std::vector<StageReport> stages;
};

// 4 N_q N_k d for each head, or 10 of the backward pass; half of it when causal.
double nominal_flops(const Report& report);

// Nominal GFLOP/s of the median run, and their share of the FMA peak; 0 without a run.
double gflops(const Report& report, const StageReport& stage);
double fraction_of_peak(const Report& report, const StageReport& stage);

// One line for each counter that differs from its formula, and one about where that may come from;
// empty if none does.
std::string describe_difference(const tile::Counters& counted, const tile::Counters& formula);

// The schema of `ladder run --json`. A number that is not finite becomes null.
nlohmann::ordered_json to_json(const Report& report);

}  // namespace flash

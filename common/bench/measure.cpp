#include "bench/measure.h"

#include <algorithm>
#include <limits>

#include "bench/timing.h"
#include "diagnosis/diagnosis.h"
#include "stages/execute.h"
#include "tile/error.h"

namespace flash {
namespace {

Timing summarise(const std::vector<double>& seconds) {
  return {*std::min_element(seconds.begin(), seconds.end()), median(seconds),
          static_cast<int>(seconds.size())};
}

// `warm_up` is what the run before took; it is the only one if another would take too long.
template <class Run>
Timing time(const Run& run, double warm_up, int runs) {
  constexpr double too_long = 5, long_run = 2, enough = 0.5;  // seconds
  if (runs == 0 && warm_up > too_long) return summarise({warm_up});
  const std::size_t least = runs > 0 ? runs : warm_up > long_run ? 1 : 3;
  std::vector<double> seconds;
  double sum = 0;
  while (seconds.size() < least || (runs == 0 && sum < enough)) {
    seconds.push_back(seconds_of(run));
    sum += seconds.back();
  }
  return summarise(seconds);
}

}  // namespace

StageReport stopped(const Stage& stage, const Problem& problem, const std::string& failure) {
  StageReport report;
  report.stage = stage.name;
  report.formula = stage.cost(problem);
  report.failure = failure;
  report.check.max_abs_error = std::numeric_limits<double>::infinity();
  return report;
}

Measured measure(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                 const Inputs& inputs, const Expected& expected, int runs) {
  Measured result;
  StageReport& report = result.report;
  report.stage = stage.name;
  report.formula = stage.cost(problem);
  device.reset_counters();
  double first = 0;
  try {
    first = seconds_of([&] { result.outputs = execute(stage, device, problem, inputs); });
  } catch (const tile::TileError& error) {
    return {stopped(stage, problem, error.what()), {}};
  }
  report.counters = device.counters();
  report.check = check(problem, expected, result.outputs);
  if (!report.check.passed) {
    diagnose(problem, inputs, result.outputs, report.check);
    report.failure = describe(report.check);
  }
  if (const std::string lines = describe_difference(report.counters, report.formula);
      !lines.empty())
    report.failure += (report.failure.empty() ? "" : "\n") + lines;
  report.passed = report.failure.empty();
  if (!report.passed) {
    report.seconds = summarise({first});
    return result;
  }
  const AttentionArgs args = make_args(problem, inputs, result.outputs);
  report.seconds = time([&] { stage.forward(device, args); }, first, runs);
  return result;
}

void explore(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
             const Inputs& inputs, int schedules, Measured& measured) {
  std::string& failure = measured.report.failure;
  for (int schedule = 1; schedule < schedules && measured.report.passed; ++schedule) {
    device.set_schedule(schedule);
    try {
      const Outputs outputs = execute(stage, device, problem, inputs);
      if (outputs.o != measured.outputs.o || outputs.lse != measured.outputs.lse)
        failure = "gives other bits than schedule 0";
    } catch (const tile::TileError& error) {
      failure = error.what();
    }
    if (failure.empty()) continue;
    failure = "schedule " + std::to_string(schedule) + ": " + failure;
    measured.report.passed = false;
  }
  device.set_schedule(0);
}

}  // namespace flash
